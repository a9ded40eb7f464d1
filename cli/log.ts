import { type OptionTable, type SettingsOf } from "../lib/options.ts";
import { printable, printableJson } from "../lib/printable.ts";
import { writeError } from "./ui/terminal.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;

/** How much a line matters; `error` the most. */
export type Level = typeof LEVELS[number];

/** Options of a command that runs for long. */
export const LOG_OPTIONS = {
  logFormat: {
    type: "choice",
    values: ["text", "json"],
    default: "text",
    text: "form of the log: a line with time and level, or a JSON object per line",
  },
  logLevel: {
    type: "choice",
    values: LEVELS,
    default: "info",
    text: "least severe lines that are logged",
  },
} as const satisfies OptionTable;

/**
 * Logs a line.
 *
 * @param level How much it matters.
 * @param message Human-readable; control characters are escaped.
 * @param fields For JSON only.
 */
export type Log = (level: Level, message: string, fields?: object) => void;

/**
 * Opens the log of a process: each line has a time and a level.
 *
 * @param settings The form of the lines, and which there are.
 * @param write Receives each line.
 * @param now The time, in milliseconds since 1970.
 */
export function openLog(
  { logFormat, logLevel }: SettingsOf<typeof LOG_OPTIONS>,
  write: (line: string) => void = writeError,
  now: () => number = Date.now,
): Log {
  const format = logFormat === "json" ? jsonLine : textLine;
  return (level, message, fields = {}) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(logLevel)) return;
    write(format(new Date(now()).toISOString(), level, message, fields));
  };
}

function textLine(time: string, level: Level, message: string): string {
  return `${time} ${level.toUpperCase().padEnd(5)} ${printable(message)}`;
}

function jsonLine(time: string, level: Level, message: string, fields: object): string {
  return printableJson({ time, level, message, ...fields });
}
