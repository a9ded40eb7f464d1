import { isLegacyTopic } from "../../bus/legacy_format.ts";
import { printable, printableJson } from "../../lib/printable.ts";
import type { Settled, Sink } from "./sink.ts";

/** How results are printed. */
export interface ConsoleSinkOptions {
  /** `text`: one human-readable line per result; `json`: one object per line. @default {"text"} */
  readonly format?: "text" | "json";
  /** Receives each text. @default {standard output} */
  readonly write?: (text: string) => Promise<void> | void;
}

/**
 * Prints one line per result. For records of the legacy system with their true label it is the line of that
 * system: `Prediction: 9 Actual: 9`.
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
  return printableJson(result);
}

function textLine({ result, message }: Settled): string {
  const { id, model, actual, fileName } = result;
  if (result.status === "classified" && actual !== undefined && isLegacyTopic(message.topic)) {
    return printable(`Prediction: ${result.index} Actual: ${actual}`);
  }
  const truth = actual === undefined ? [] : [`actual ${actual}`];
  const file = fileName === undefined ? [] : [fileName];
  return [id, model ?? "-", ...outcomeOf(result), ...truth, ...file].map(printable).join("  ");
}

function outcomeOf(result: Settled["result"]): string[] {
  if (result.status === "failed") return ["failed", `${result.error.code}: ${result.error.message}`];
  const percent = `${(result.confidence * 100).toFixed(1)} %`;
  return result.unknown ? [`unknown (${result.label}  ${percent})`] : [result.label, percent];
}

async function writeToStdout(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
