/**
 * Options that several commands share.
 *
 * @module
 */
import { SERVE_OPTIONS } from "../actors/options.ts";
import type { Bus } from "../bus/bus.ts";
import { connect, type ConnectOptions, defaultUrl } from "../bus/connect.ts";
import { CONNECT_OPTIONS } from "../bus/options.ts";
import type { TransportEvent } from "../bus/transport/transport.ts";
import { type CustomRow, flagOf, nest, type OptionTable } from "../lib/options.ts";
import { type FolderForm, MAX_SIDE } from "../training/datasets/image_folder.ts";
import { type Arguments, UsageError } from "./command.ts";

/** Which bus; the variable is the one that `connect` reads too. */
export const BUS_OPTION = {
  bus: {
    type: "text",
    value: "URL",
    variable: "IMAGEBUS_URL",
    otherwise: "the embedded bus",
    text: "kafka://HOST:PORT or sqlite:PATH",
  },
} as const satisfies OptionTable;

/** Options of every command that uses a bus. A bus in memory ends with its process, so no command has one. */
export const BUS_OPTIONS = { ...BUS_OPTION, ...connectOptions() } as const;

function connectOptions() {
  const {
    onEvent: _onEvent,
    "memory.expiringTopics": _topics,
    "memory.heartbeatMs": _heartbeat,
    "memory.sessionTimeoutMs": _session,
    ...others
  } = CONNECT_OPTIONS;
  return others;
}

/** JSON for programs. */
export const JSON_OPTION = {
  json: { type: "flag", default: false, text: "print one JSON object per line on standard output" },
} as const satisfies OptionTable;

/** Where results are kept. */
export const RESULTS_OPTION = {
  results: {
    type: "text",
    value: "PATH",
    otherwise: "results.db beside the embedded bus",
    text: "the SQLite file with the results",
  },
} as const satisfies OptionTable;

/** Where more models are. */
export const MODELS_DIRS_OPTION = { modelsDirs: SERVE_OPTIONS.modelsDirs } as const;

/** Where the data sets are. */
export const DATA_OPTION = {
  data: { type: "text", value: "DIR", otherwise: "./data", text: "directory of the data sets" },
} as const satisfies OptionTable;

const SIZE: CustomRow<readonly [width: number, height: number]> = {
  type: "custom",
  value: "WxH",
  parse: parseSize,
  accepts: (value) => value !== undefined,
  expected: `width and height, each 1 to ${MAX_SIDE}, such as 32x32`,
  text: "image folders: resize every image",
};

/** The form that the images of a folder are brought into. */
export const FORM_OPTIONS = {
  size: SIZE,
  channels: {
    type: "choice",
    values: ["1", "3"],
    value: "N",
    text: "image folders: 1 makes every image grey, 3 RGB",
  },
} as const satisfies OptionTable;

function parseSize(text: string): readonly [number, number] | undefined {
  const [, width, height] = /^(\d{1,4})[x×](\d{1,4})$/.exec(text) ?? [];
  const sides = [Number(width), Number(height)] as const;
  return sides.every((side) => side >= 1 && side <= MAX_SIDE) ? sides : undefined;
}

/** How long to wait for a result. */
export const TIMEOUT_OPTION = {
  timeoutMs: {
    type: "integer",
    unit: "ms",
    min: 1,
    max: 2_147_483_647,
    default: 30_000,
    value: "TIME",
    text: "how long to wait for a result",
  },
} as const satisfies OptionTable;

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a time in the past.
 *
 * @param text How long ago (`90s`, `30m`, `2h`, `7d`), or when: a date, or a date with a time, ISO 8601.
 * @param now Milliseconds since 1970-01-01 UTC.
 * @returns `undefined` when it is neither.
 */
export function parseSince(text: string, now = Date.now()): Date | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * UNITS_MS[unit!]!);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const time = isDate ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** A time in the past, as {@linkcode parseSince} reads it. */
export function sinceOption(text: string): CustomRow<Date> {
  return {
    type: "custom",
    value: "WHEN",
    parse: parseSince,
    accepts: (value) => value instanceof Date,
    expected: "how long ago, as 30m, 2h or 7d, or a time, as 2026-01-31T12:00Z",
    text,
  };
}

/** The form that image folders are brought into. */
export function formOf({ values: { size, channels } }: Arguments<typeof FORM_OPTIONS>): FolderForm {
  return {
    ...size && { width: size[0], height: size[1] },
    ...channels && { channels: channels === "1" ? 1 : 3 },
  };
}

/** Where more models are, as the registry takes it. */
export function modelsIn({ values: { modelsDirs } }: Arguments<typeof MODELS_DIRS_OPTION>) {
  return modelsDirs ? { dirs: modelsDirs } : {};
}

/**
 * Connects to the bus that the arguments name. An option of another kind of bus is refused where it was typed; where a
 * variable holds it, it waits for its bus.
 *
 * @param args Of a command with {@linkcode BUS_OPTIONS}.
 * @param options Another URL than theirs; what is called with each change of the connection.
 * @throws {UsageError} For a bus in memory, and for options that have no effect.
 */
export async function openBus(
  { values, sources }: Arguments<typeof BUS_OPTIONS>,
  { url = values.bus ?? defaultUrl(), onEvent }: {
    readonly url?: string;
    readonly onEvent?: (event: TransportEvent) => void;
  } = {},
): Promise<Bus> {
  const scheme = url.slice(0, url.indexOf(":"));
  if (scheme === "memory") {
    throw new UsageError(
      "The bus memory: ends with this command: it is for programs. Expected sqlite:PATH or kafka://…",
    );
  }
  const given: [string, unknown][] = [];
  for (const [name, source] of sources) {
    if (name === "bus" || !Object.hasOwn(BUS_OPTIONS, name)) continue;
    const isCommon = !name.includes(".");
    if (isCommon || name.startsWith(`${scheme}.`)) given.push([name, values[name as keyof typeof values]]);
    else if (source === "flag") throw new UsageError(`${flagOf(name)} has no effect on the bus ${url}`);
  }
  const options: ConnectOptions = nest(given);
  return await connect(url, onEvent ? { ...options, onEvent } : options);
}
