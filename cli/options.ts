/**
 * Options that several commands share.
 *
 * @module
 */
import { SERVE_OPTIONS } from "../actors/options.ts";
import type { Bus } from "../bus/bus.ts";
import { connect, type ConnectOptions, defaultUrl, pathOfSqlite } from "../bus/connect.ts";
import { CONNECT_OPTIONS } from "../bus/options.ts";
import type { TransportEvent } from "../bus/transport/transport.ts";
import { type CustomRow, flag, flagOf, nest, type OptionTable, time } from "../lib/options.ts";
import { type FolderForm, MAX_SIDE } from "../training/datasets/image_folder.ts";
import { type Arguments, UsageError } from "./command.ts";
import { statIfAny } from "./file_failure.ts";

/** Options of every command that uses a bus; without those of `memory:`, a bus that ends with its process. */
export const BUS_OPTIONS = {
  bus: {
    type: "text",
    short: "b",
    value: "URL",
    variable: "IMAGEBUS_URL", // `connect` reads it too.
    otherwise: "the embedded bus",
    text: "kafka://HOST:PORT or sqlite:PATH",
  },
  ...connectOptions(),
} as const satisfies OptionTable;

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

/** Machine-readable output. */
export const JSON_OPTION = {
  json: { ...flag("print JSON on standard output, one object per line"), short: "j" },
} as const satisfies OptionTable;

/** The database of results. */
export const RESULTS_OPTION = {
  results: {
    type: "text",
    value: "PLACE",
    otherwise: "results.db beside the embedded bus",
    text: "database of the results: a SQLite file, or postgres://USER@HOST/DATABASE",
  },
} as const satisfies OptionTable;

/** Directories with more models. */
export const MODELS_DIRS_OPTION = { modelsDirs: SERVE_OPTIONS.modelsDirs } as const;

/** The directory of data sets. */
export const DATA_OPTION = {
  data: { type: "text", value: "DIR", otherwise: "./data", text: "directory of the data sets" },
} as const satisfies OptionTable;

const SIZE: CustomRow<readonly [width: number, height: number]> = {
  type: "custom",
  value: "WxH",
  parse: parseSize,
  accepts: (value) => Array.isArray(value) && value.length === 2,
  expected: `width and height, each 1 to ${MAX_SIDE}, such as 32x32`,
  text: "resize every image of a folder to this size",
};

/** Options of the form that the images of a folder are converted to. */
export const FORM_OPTIONS = {
  size: SIZE,
  channels: {
    type: "choice",
    values: ["1", "3"],
    text: "convert every image of a folder to grey (1) or RGB (3)",
  },
  skipBad: flag("leave out files of a folder that cannot be read as images"),
} as const satisfies OptionTable;

function parseSize(text: string): readonly [number, number] | undefined {
  const [, width, height] = /^(\d{1,4})[x×](\d{1,4})$/.exec(text) ?? [];
  const sides = [Number(width), Number(height)] as const;
  return sides.every((side) => side >= 1 && side <= MAX_SIDE) ? sides : undefined;
}

/** The timeout for one result. */
export const TIMEOUT_OPTION = {
  timeoutMs: { ...time(1, 2_147_483_647), default: 30_000, text: "how long to wait for each result" },
} as const satisfies OptionTable;

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses a time in the past.
 *
 * @param text How long ago (`90s`, `30m`, `2h`, `7d`), or a date, or a date with a time, ISO 8601.
 * @param now Milliseconds since 1970-01-01 UTC.
 * @returns `undefined` when it is malformed.
 */
export function parseSince(text: string, now = Date.now()): Date | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * UNITS_MS[unit!]!);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const time = isDate ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** An option that {@linkcode parseSince} reads. */
export function sinceOption(text: string): CustomRow<Date> {
  return {
    type: "custom",
    value: "WHEN",
    parse: parseSince,
    accepts: (value) => value instanceof Date,
    expected: "how long ago, such as 30m, 2h or 7d, or a time, such as 2026-01-31T12:00Z",
    text,
  };
}

/** The form that the images of a folder are converted to. */
export function formOf({ values: { size, channels, skipBad } }: Arguments<typeof FORM_OPTIONS>): FolderForm {
  return {
    ...skipBad && { skipBad },
    ...size && { width: size[0], height: size[1] },
    ...channels && { channels: channels === "1" ? 1 : 3 },
  };
}

/** How a bus is opened. */
interface OpenOptions {
  /** @default {that of the arguments, else the embedded bus} */
  readonly url?: string;
  /** Receives each change of the connection. */
  readonly onEvent?: (event: TransportEvent) => void;
}

/**
 * {@linkcode openBus} for commands that only look: they create no embedded bus.
 *
 * @throws {UsageError} If it does not exist.
 */
export async function openExistingBus(
  args: Arguments<typeof BUS_OPTIONS>,
  { url = urlOf(args.values) }: { readonly url?: string } = {},
): Promise<Bus> {
  if (await isMissing(url)) {
    throw new UsageError(`There is no bus ${url}; imagebus worker and imagebus send create it`);
  }
  return await openBus(args, { url });
}

/** Whether the bus is embedded and has no file. */
export async function isMissing(url: string): Promise<boolean> {
  return url.startsWith("sqlite:") && await statIfAny(pathOfSqlite(url)) === null;
}

/** The bus of the arguments, else the embedded bus. */
export function urlOf(values: Arguments<typeof BUS_OPTIONS>["values"]): string {
  return values.bus ?? defaultUrl(configOf(values));
}

/** The configuration file of Kafka can name the brokers, in place of a URL. */
function configOf({ "kafka.config": config }: Arguments<typeof BUS_OPTIONS>["values"]): ConnectOptions {
  return config === undefined ? {} : { kafka: { config } };
}

/**
 * Connects to the bus of the arguments. A flag that has no effect on this kind of bus is rejected; a variable may stay set
 * for another bus, and is ignored.
 *
 * @param args Of a command with {@linkcode BUS_OPTIONS}.
 * @throws {UsageError} For `memory:`, and for flags that have no effect.
 */
export async function openBus(
  { values, sources }: Arguments<typeof BUS_OPTIONS>,
  { url = urlOf(values), onEvent }: OpenOptions = {},
): Promise<Bus> {
  const scheme = url.slice(0, url.indexOf(":")).split("+")[0]!;
  if (scheme === "memory") {
    throw new UsageError(
      "Cannot use the bus memory: it ends with this command; expected sqlite:PATH or kafka://HOST:PORT",
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
