import type { Result } from "../../bus/result.ts";

/** A result as databases store it. */
export type ResultRow = ReturnType<typeof rowOf>;

/**
 * Converts a result to a row, with the columns of docs/results.md in their order.
 *
 * @param result The outcome of an image.
 */
export function rowOf(result: Result) {
  const answer = result.status === "classified" ? result : null;
  const error = result.status === "failed" ? result.error : null;
  return {
    id: result.id,
    model: result.model,
    model_version: result.modelVersion ?? null,
    status: result.status,
    label: answer?.label ?? null,
    label_index: answer?.index ?? null,
    confidence: answer?.confidence ?? null,
    top: answer?.top ?? null,
    actual: result.actual ?? null,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    at: result.at,
    waited_ms: result.waitedMs,
    took_ms: result.tookMs,
    file_name: result.fileName ?? null,
    unknown: answer?.unknown ?? null,
  };
}
