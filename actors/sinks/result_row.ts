import type { Result, Score } from "../../bus/result.ts";

/** A result as databases store it: one row, with the columns of docs/results.md in their order. */
export interface ResultRow {
  readonly id: string;
  readonly model: string | null;
  readonly model_version: string | null;
  readonly status: Result["status"];
  readonly label: string | null;
  readonly label_index: number | null;
  readonly confidence: number | null;
  readonly top: readonly Score[] | null;
  readonly actual: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly at: string;
  readonly waited_ms: number;
  readonly took_ms: number;
}

/**
 * Converts a result to a row.
 *
 * @param result The outcome of an image.
 */
export function rowOf(result: Result): ResultRow {
  const answer = result.status === "classified" ? result : null;
  const error = result.status === "failed" ? result.error : null;
  return {
    id: result.id,
    model: result.model,
    model_version: answer?.modelVersion ?? null,
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
  };
}
