/**
 * An option is one row of a table. From the row come its default and its check in the API, its flag, its environment variable,
 * its line of help and its place in docs/options.md.
 *
 * The name is written as the API has it, `maxMessageBytes`; its flag is `--max-message-bytes` and its variable
 * `IMAGEBUS_MAX_MESSAGE_BYTES`. A dot stands for an object inside: `kafka.clientId` is `--kafka-client-id`.
 *
 * @module
 */
import { didYouMean } from "./suggestion.ts";
import { formatQuantity, parseQuantity, type Unit } from "./units.ts";

interface Row {
  /** What it is for: a phrase that begins in lower case, without its default and its range. */
  readonly text: string;
  /** What stands for the value in the help: `URL`. */
  readonly value?: string;
  /** The default in words, where it depends on something. */
  readonly otherwise?: string;
  /** The variable, where it is not named as the option is. */
  readonly variable?: string;
  /** It has no variable: it must be typed each time. */
  readonly typed?: true;
  /** An older flag that still works, without its dashes. */
  readonly alias?: string;
  /** A letter that stands for the flag: `-r`. */
  readonly short?: string;
  /** What the flag stands for without a value. */
  readonly bare?: string;
}

/** A whole number. With a unit, flags and variables take `64MiB` and `30s`. */
export interface IntegerRow extends Row {
  readonly type: "integer";
  readonly min: number;
  readonly max: number;
  readonly unit?: Unit;
  readonly default?: number;
}

/** One of some words. */
export interface ChoiceRow extends Row {
  readonly type: "choice";
  readonly values: readonly string[];
  readonly default?: string;
}

/** A text of at least one character. */
export interface TextRow extends Row {
  readonly type: "text";
  readonly default?: string;
  /** `"file"`: the flag names a file that holds the text. */
  readonly from?: "file";
  /** It is never printed, and its flag takes a file: what is typed can be seen by others. */
  readonly secret?: true;
}

/** Texts: the flag is given several times; variables separate them by commas. */
export interface TextsRow extends Row {
  readonly type: "texts";
  readonly default?: readonly string[];
  readonly from?: "file";
  /** One flag may hold several, separated by commas. */
  readonly commas?: true;
}

/** Yes or no: `--name` and, where it is on by default, `--no-name`; variables hold `true` or `false`. */
export interface FlagRow extends Row {
  readonly type: "flag";
  readonly default?: boolean;
}

/** A value with a form of its own. */
export interface CustomRow<T = unknown> extends Row {
  readonly type: "custom";
  readonly default?: T;
  /** Reads a flag or variable; `undefined` when it is malformed. */
  readonly parse: (text: string) => T | undefined;
  /** Whether the API may be given this. */
  readonly accepts: (value: unknown) => boolean;
  /** What would be right: "a number, or …". */
  readonly expected: string;
}

/** What only a program can give: a function, an object. It has no flag. */
export interface ApiRow<T = unknown> extends Row {
  readonly type: "api";
  readonly default?: T;
  readonly accepts: (value: unknown) => boolean;
  readonly expected: string;
}

/** One option. */
export type Option = IntegerRow | ChoiceRow | TextRow | TextsRow | FlagRow | CustomRow | ApiRow;

/** Options by their names. */
export type OptionTable = Readonly<Record<string, Option>>;

/** The type of an option's value. */
export type ValueOf<O extends Option> = O extends IntegerRow ? number
  : O extends ChoiceRow ? O["values"][number]
  : O extends TextRow ? string
  : O extends TextsRow ? readonly string[]
  : O extends FlagRow ? boolean
  : O extends CustomRow<infer T> | ApiRow<infer T> ? T
  : never;

/** Values of a table, with its defaults filled in. */
export type SettingsOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { readonly default: unknown } ? ValueOf<T[K]>
    : ValueOf<T[K]> | undefined;
};

/** A number of things, from 1 or another minimum. */
export function count(max: number, min = 1) {
  return { type: "integer", min, max, value: "N" } as const;
}

/** A size in bytes, from 1. */
export function size(max: number) {
  return { type: "integer", unit: "bytes", min: 1, max, value: "SIZE" } as const;
}

/** A time in milliseconds. */
export function time(min: number, max: number) {
  return { type: "integer", unit: "ms", min, max, value: "TIME" } as const;
}

/** A flag that is off by default. */
export function flag(text: string) {
  return { type: "flag", default: false, text } as const;
}

/** Makes the error that is thrown, of a message. */
export type ToError = (message: string) => Error;

/** `--max-message-bytes` of `maxMessageBytes`, `--kafka-client-id` of `kafka.clientId`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z.]/g, (letter) => letter === "." ? "-" : `-${letter.toLowerCase()}`)}`;
}

/** `IMAGEBUS_MAX_MESSAGE_BYTES` of `maxMessageBytes`. */
export function variableOf(name: string, { variable }: Pick<Option, "variable">): string {
  return variable ?? `IMAGEBUS_${flagOf(name).slice(2).toUpperCase().replaceAll("-", "_")}`;
}

/** The rows of a table, each under a longer name: `kafka.` before `clientId`. */
export function prefixed<T extends OptionTable, P extends string>(
  prefix: P,
  table: T,
): { readonly [K in keyof T & string as `${P}.${K}`]: T[K] } {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [`${prefix}.${name}`, row])) as never;
}

/**
 * Checks options that a program was given, and fills in the defaults.
 *
 * @param table What there is. Objects inside an object are looked up under names with a dot.
 * @param given As the caller passed it; `undefined` counts as not given.
 * @param toError Makes the error.
 * @returns A value for each row: those of `tls.cert` under `"tls.cert"`.
 * @throws What `toError` makes: for an unknown name, with the nearest known one, and for a value that is not what it must be.
 */
export function checkOptions<T extends OptionTable>(
  table: T,
  given: object,
  toError: ToError,
): SettingsOf<T> {
  const settings: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(table)) settings[name] = row.default;
  for (const [name, value] of flattenOptions(table, given)) {
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (row === undefined) throw toError(`Unknown option ${name}${didYouMean(name, Object.keys(table))}`);
    checkOption(name, row, value, toError);
    settings[name] = value;
  }
  return settings as SettingsOf<T>;
}

/**
 * Checks the value of an option.
 *
 * @param label How the user wrote the name, for the message.
 * @throws What `toError` makes.
 */
export function checkOption(label: string, row: Option, value: unknown, toError: ToError): void {
  if (!accepts(row, value)) throw toError(`${label} is ${show(value, row)}: expected ${expectedOf(row)}`);
}

/**
 * The values in an object, by the names of the table: those of `{ tls: { cert } }` under `tls.cert`. Unknown names are there
 * too.
 */
export function* flattenOptions(
  table: OptionTable,
  given: object,
  prefix = "",
): Generator<[name: string, value: unknown]> {
  for (const [key, value] of Object.entries(given)) {
    const name = prefix + key;
    const inside = Object.keys(table).some((known) => known.startsWith(`${name}.`));
    if (value === undefined) continue;
    if (!inside || typeof value !== "object" || value === null) yield [name, value];
    else {
      // `tls: { cert }` means `tls: true` too.
      if (Object.hasOwn(table, name)) yield [name, true];
      yield* flattenOptions(table, value, `${name}.`);
    }
  }
}

/** The reverse of what {@linkcode checkOptions} does to names: `{ kafka: { clientId } }` of `kafka.clientId`. */
export function nest(flat: Iterable<readonly [name: string, value: unknown]>): Record<string, unknown> {
  const nested: Record<string, unknown> = {};
  for (const [name, value] of flat) {
    const path = name.split(".");
    let place = nested;
    for (const key of path.slice(0, -1)) {
      if (typeof place[key] !== "object") place[key] = {};
      place = place[key] as Record<string, unknown>;
    }
    // `tls` beside `tls.cert`: the object implies it.
    if (typeof place[path.at(-1)!] !== "object") place[path.at(-1)!] = value;
  }
  return nested;
}

/**
 * Reads the value of a flag or variable.
 *
 * @param label How the user wrote the name, for the message.
 * @param row Its option.
 * @param text What was given.
 * @param toError Makes the error.
 */
export function parseOption(label: string, row: Option, text: string, toError: ToError): unknown {
  const value = parse(row, text);
  if (value !== undefined && accepts(row, value)) return value;
  const shown = "secret" in row ? "…" : JSON.stringify(text);
  throw toError(`${label} is ${shown}: expected ${expectedOf(row, true)}`);
}

function parse(row: Option, text: string): unknown {
  if (row.type === "integer") {
    return text.trim() === "" ? NaN : row.unit ? parseQuantity(text, row.unit) : Number(text);
  }
  if (row.type === "flag") return text === "true" ? true : text === "false" ? false : undefined;
  if (row.type === "texts") return row.commas ? splitList(text) : [text];
  return row.type === "custom" ? row.parse(text) : text;
}

/**
 * The parts of a list with commas.
 *
 * @returns `undefined` when there is none.
 */
export function splitList(text: string): string[] | undefined {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  return parts.length > 0 ? parts : undefined;
}

function accepts(row: Option, value: unknown): boolean {
  switch (row.type) {
    case "integer":
      return Number.isInteger(value) && value as number >= row.min && value as number <= row.max;
    case "choice":
      return row.values.includes(value as string);
    case "text":
      return typeof value === "string" && value !== "";
    case "texts":
      return Array.isArray(value) && value.every((one) => typeof one === "string" && one !== "");
    case "flag":
      return typeof value === "boolean";
    default:
      return row.accepts(value);
  }
}

function show(value: unknown, row: Option): string {
  if ("secret" in row) return `of type ${typeof value}`;
  return typeof value === "string" || typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * What would be right.
 *
 * @param row Of the option.
 * @param written Whether it is typed, with units, rather than a value of a program.
 */
export function expectedOf(row: Option, written = false): string {
  switch (row.type) {
    case "integer": {
      const unit = row.unit && written ? row.unit : undefined;
      const [min, max] = [row.min, row.max].map((bound) =>
        unit ? formatQuantity(bound, unit) : String(bound)
      );
      if (unit === "bytes") return `a size from ${min} to ${max}, such as 64MiB`;
      if (unit === "ms") return `a time from ${min} to ${max}, such as 30s`;
      return `a whole number from ${min} to ${max}`;
    }
    case "choice":
      return row.values.slice(0, -1).join(", ") + (row.values.length > 1 ? " or " : "") + row.values.at(-1);
    case "text":
      return "a text";
    case "texts":
      return "one or more texts";
    case "flag":
      return "true or false";
    default:
      return row.expected;
  }
}

/** The default as people write it; empty where there is none. */
export function defaultOf(row: Option): string {
  if (row.otherwise !== undefined) return row.otherwise;
  if (row.default === undefined || row.type === "api" || row.default === false) return "";
  if (row.type === "integer" && row.unit) return formatQuantity(row.default as number, row.unit);
  return Array.isArray(row.default) ? row.default.join(",") : String(row.default);
}
