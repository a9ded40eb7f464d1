import type { Settled, Sink } from "./sink.ts";

/** How results are printed. */
export interface ConsoleSinkOptions {
  /** `text`: one human-readable line per result; `json`: one object per line. @default {"text"} */
  readonly format?: "text" | "json";
  /** Receives each text. @default {standard output} */
  readonly write?: (text: string) => Promise<void> | void;
}

/**
 * Prints one line per result. Where the true label is a number, as in records of the legacy system, it is the
 * line of that system: `Prediction: 9 Actual: 9`.
 *
 * @param options How, and where to.
 */
export function consoleSink(options: ConsoleSinkOptions = {}): Sink {
  const { format = "text", write = writeToStdout } = options;
  const line = format === "json" ? jsonLine : textLine;
  return {
    name: "console",
    async write(batch) {
      await write(batch.map((settled) => line(settled) + "\n").join(""));
    },
  };
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
  const best = `${result.label}  ${percent}`;
  return `${result.id}  ${result.model}  ${result.unknown ? `unknown (${best})` : best}`;
}

async function writeToStdout(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
