import type { Settled, Sink } from "./sink.ts";

/** How results are printed. */
export interface ConsoleSinkOptions {
  /** `text`: a line for people; `json`: one object a line. @default {"text"} */
  readonly format?: "text" | "json";
  /** Where a text goes. @default {standard output} */
  readonly write?: (text: string) => Promise<void> | void;
}

/**
 * Prints a line a result. Where the true label is a number, as in the records of the replaced system, it is that system's
 * line: `Prediction: 9 Actual: 9`.
 *
 * @param options How, and where to.
 */
export function consoleSink(options: ConsoleSinkOptions = {}): Sink {
  const { format = "text", write = writeToStdout } = options;
  const line = format === "json" ? jsonLine : textLine;
  const sink: Sink = {
    name: "console",
    async write(batch) {
      await write(batch.map((settled) => line(settled) + "\n").join(""));
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

function jsonLine({ result }: Settled): string {
  return JSON.stringify(result);
}

function textLine({ result }: Settled): string {
  if (result.status === "failed") {
    return `${result.id}  ${result.model ?? "-"}  failed  ${result.error.code}: ${result.error.message}`;
  }
  if (/^\d+$/.test(result.actual ?? "")) return `Prediction: ${result.index} Actual: ${result.actual}`;
  const percent = `${(result.confidence * 100).toFixed(1)} %`;
  return `${result.id}  ${result.model}  ${result.label}  ${percent}`;
}

async function writeToStdout(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
