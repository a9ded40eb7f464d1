/**
 * The configuration file: options by the names that they have in programs, for all commands, or for one in an object under
 * its name.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import type { Node, ParseError } from "npm:jsonc-parser@3.3.1";
import { ifFound } from "../lib/if_found.ts";
import { fileFailure } from "./file_failure.ts";
import {
  checkOption,
  expectedOf,
  flattenOptions,
  type Option,
  type OptionTable,
  parseOption,
} from "../lib/options.ts";
import { didYouMean } from "../lib/suggestion.ts";
import { readIn } from "./arguments.ts";
import { type Command, type ConfigValues, readsVariables, UsageError } from "./command.ts";

/** Loads all commands. */
export type LoadCommands = () => Promise<readonly Command[]>;

/** A file that was found. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

const NAMES = ["imagebus.json", "imagebus.jsonc"];
const VARIABLE = "IMAGEBUS_CONFIG";
const MAX_BYTES = 1_048_576;

/**
 * Splits `--config FILE` off a command line.
 *
 * @returns The path, or `undefined`, and the other arguments.
 * @throws {UsageError} Without a value.
 */
export function takeConfigFlag(
  argv: readonly string[],
): { path: string | undefined; rest: readonly string[] } {
  const at = argv.findIndex((arg) => arg === "--config" || arg.startsWith("--config="));
  if (at < 0) return { path: undefined, rest: argv };
  const [flag, inline] = argv[at]!.split(/=(.*)/s);
  const path = inline ?? argv[at + 1];
  if (!path) throw new UsageError(`${flag} needs a value: --config FILE`);
  return { path, rest: argv.toSpliced(at, inline === undefined ? 2 : 1) };
}

/**
 * Finds the configuration file: `--config`, else `IMAGEBUS_CONFIG`, else `imagebus.json` or `imagebus.jsonc` in the working
 * directory or the nearest one above it. Directories that may not be read are passed over.
 *
 * @param given The path of `--config`.
 * @throws {UsageError} If it cannot be read, or is not JSON.
 */
export async function findConfigFile(given?: string): Promise<ConfigFile | undefined> {
  const named = given ?? await variable();
  if (named !== undefined) return await read(resolve(named));
  for (let directory = Deno.cwd();; directory = dirname(directory)) {
    for (const name of NAMES) {
      const path = join(directory, name);
      const { state } = await Deno.permissions.query({ name: "read", path });
      if (state === "granted" && await isFile(path)) return await read(path);
    }
    if (dirname(directory) === directory) return undefined;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await ifFound(Deno.stat(path)))?.isFile ?? false;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

async function variable(): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable: VARIABLE });
  return state === "granted" ? Deno.env.get(VARIABLE) || undefined : undefined;
}

async function read(path: string): Promise<ConfigFile> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw fileFailure("read", path, cause);
  });
  if (text.length > MAX_BYTES) {
    throw new UsageError(`${path} has ${text.length} characters: expected at most ${MAX_BYTES}`);
  }
  const { getNodeValue, parseTree, printParseErrorCode } = await import("npm:jsonc-parser@3.3.1");
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) {
    const line = text.slice(0, error.offset).split("\n").length;
    throw new UsageError(
      `${path}, line ${line} is not valid JSON (${
        printParseErrorCode(error.error)
      }); expected JSON, with or without comments`,
    );
  }
  if (root?.type !== "object") {
    throw new UsageError(`${path}: expected an object with options, such as { "bus": "kafka://HOST:PORT" }`);
  }
  return { path, content: getNodeValue(root as Node) };
}

/**
 * Reads what a file sets for a command: at its top level for all commands, in an object under a command's name for that one.
 * As with variables, options that must be typed are left out.
 *
 * @param file The file.
 * @param command The command.
 * @param all Loads the commands: a name that none has is rejected.
 * @returns Its path and the values.
 * @throws {UsageError} For an unknown name, and for a value that is not what the option expects.
 */
export async function configOf(
  file: ConfigFile,
  command: Command,
  all: LoadCommands,
): Promise<ConfigValues> {
  const values = new Map<string, unknown>();
  if (!readsVariables(command)) return { path: file.path, values };
  const commands = await all();
  const known: OptionTable = Object.assign({}, ...commands.map(({ options }) => options));
  const isSection = ([name, value]: [string, unknown]) =>
    isObject(value) && commands.some((one) => one.name === name);
  const entries = Object.entries(file.content);
  const shared = Object.fromEntries(entries.filter((entry) => !isSection(entry) && entry[0] !== "$schema"));
  const own = Object.fromEntries(
    entries.filter((entry) => isSection(entry) && entry[0] === command.name),
  )[command.name];
  const given = [...optionsIn(shared, known, file.path), ...optionsIn(own ?? {}, command.options, file.path)];
  for (const [name, value] of given) {
    const row = Object.hasOwn(command.options, name) ? command.options[name]! : undefined;
    if (row === undefined || row.typed || row.type === "api") continue;
    values.set(name, valueOf(`${name} in ${file.path}`, row, value, dirname(file.path)));
  }
  return { path: file.path, values };
}

function* optionsIn(object: object, table: OptionTable, path: string): Generator<[string, unknown]> {
  for (const [name, value] of flattenOptions(table, object)) {
    if (!Object.hasOwn(table, name)) {
      throw new UsageError(`Unknown option ${name} in ${path}${didYouMean(name, Object.keys(table))}`);
    }
    yield [name, value];
  }
}

function valueOf(label: string, row: Option, given: unknown, directory: string): unknown {
  if (given === null) throw new UsageError(`${label} is null: expected ${expectedOf(row, true)}`);
  const value = written(row, absolute(row, given, directory));
  if (typeof value === "string") return readIn(label, row, parseOption(label, row, value, usageError), true);
  checkOption(label, row, value, usageError);
  return readIn(label, row, value, true);
}

/** Values with a form of their own are read as they are typed; `true` stands for the flag without a value. */
function written(row: Option, value: unknown): unknown {
  if (value === true && row.bare !== undefined) return row.bare;
  if (row.type !== "custom") return value;
  return typeof value === "number" || Array.isArray(value) ? String(value) : value;
}

/** Paths in the file are relative to its directory: the file also counts in the directories below. */
function absolute(row: Option, value: unknown, directory: string): unknown {
  if (Array.isArray(value)) return value.map((one) => absolute(row, one, directory));
  if (typeof value !== "string") return value;
  const [, scheme, path] = /^(sqlite|jsonl):(.+)$/s.exec(value) ?? [];
  if (path !== undefined) return `${scheme}:${resolve(directory, path)}`;
  if (row.value === "DIR,…") return value.split(",").map((one) => resolvePath(one, directory)).join();
  const isPath = "from" in row || /^(DIR|FILE|PATH)$/.test(row.value ?? "");
  return isPath ? resolvePath(value, directory) : value;
}

function resolvePath(path: string, directory: string): string {
  return path === "" || /^[a-z]+:/i.test(path) ? path : resolve(directory, path);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function usageError(message: string): UsageError {
  return new UsageError(message);
}
