import type { Result } from "../../bus/result.ts";
import { bold, percent, red } from "./terminal.ts";

/** A result as three cells: label ("unknown" before that of an unknown image), confidence and time; of a failure its code and message. */
export function resultCells(result: Result): string[] {
  if (result.status === "failed") return [red(result.error.code), "", result.error.message];
  return [
    result.unknown ? `${bold("unknown")} (${result.label})` : bold(result.label),
    percent(result.confidence),
    `${Math.round(result.waitedMs + result.tookMs)} ms`,
  ];
}
