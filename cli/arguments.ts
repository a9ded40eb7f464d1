import { parseArgs } from "node:util";
import { defined } from "../lib/defined.ts";
import { explainFileError } from "../lib/file_errors.ts";
import { flagOf, type Option, type OptionTable, parseOption, variableOf } from "../lib/options.ts";
import { didYouMean } from "../lib/suggestion.ts";
import {
  type ActionCommand,
  type Arguments,
  type Command,
  type ConfigValues,
  type Operands,
  programOf,
  readsVariables,
  type Source,
  UsageError,
} from "./command.ts";

/** A parsed command line, ready to run. */
export interface Invocation {
  readonly args: Arguments;
  run(args: Arguments): Promise<number>;
}

/**
 * Parses a command line. Options that are not on it are looked up in the environment, then in the configuration file.
 *
 * @param command The command.
 * @param argv The arguments after its name.
 * @param config What the configuration file sets. @default {nothing}
 * @returns The checked arguments, and the function to run with them.
 * @throws {UsageError} For an unknown option or sub-command, a missing or invalid value, a wrong number of operands.
 */
export function parseCommand(
  command: Command,
  argv: readonly string[],
  config?: ConfigValues,
): Invocation {
  const { given, positionals } = tokenise(command, argv);
  if (!("actions" in command)) {
    const { name, options } = command;
    return invocation(command, name, command, options, { argv, given, config, operands: positionals });
  }
  const known = Object.keys(command.actions);
  const [name, ...operands] = withAction(command, positionals);
  if (name === undefined) {
    const [example] = command.examples[0] ?? [];
    throw new UsageError(`${command.name} needs one of ${known.join(", ")}${example ? `: ${example}` : ""}`);
  }
  const action = Object.hasOwn(command.actions, name) ? command.actions[name] : undefined;
  if (action === undefined) {
    throw new UsageError(`Unknown sub-command "${name}" for ${command.name}${didYouMean(name, known)}`);
  }
  const options = Object.fromEntries(action.options.map((option) => [option, command.options[option]!]));
  const stray = [...given.keys()].find((option) => !Object.hasOwn(options, option));
  if (stray !== undefined) {
    const others = known.filter((other) => command.actions[other]!.options.includes(stray)).join(" and ");
    throw new UsageError(`${command.name} ${name} has no option ${flagOf(stray)}: it belongs to ${others}`);
  }
  return invocation(command, `${command.name} ${name}`, action, options, { argv, given, config, operands });
}

/** Puts the action that may be left out in front, unless the first operand can only be a misspelt action. */
function withAction(
  { actions, otherwise }: ActionCommand,
  positionals: readonly string[],
): readonly string[] {
  if (otherwise === undefined || Object.hasOwn(actions, positionals[0] ?? "")) return positionals;
  const takesNone = actions[otherwise]!.operands.max === 0;
  return takesNone && positionals.length > 0 ? positionals : [otherwise, ...positionals];
}

/**
 * {@linkcode parseCommand} for the arguments alone.
 *
 * @throws {UsageError} As {@linkcode parseCommand}.
 */
export function parseArguments<T extends OptionTable>(
  command: Command<T>,
  argv: readonly string[],
): Arguments<T> {
  return parseCommand(command as unknown as Command, argv).args as unknown as Arguments<T>;
}

interface Typed {
  readonly argv: readonly string[];
  readonly given: Tokens["given"];
  readonly config: ConfigValues | undefined;
  readonly operands: readonly string[];
}

function invocation(
  command: Command,
  title: string,
  { operands: form, run }: { readonly operands: Operands; run(args: Arguments): Promise<number> },
  options: OptionTable,
  { argv, given, config, operands }: Typed,
): Invocation {
  const begin = `${programOf(command)} ${title} `;
  const [example] = command.examples.find(([line]) => line.startsWith(begin)) ?? [];
  checkOperands(title, form, operands, example);
  const settings = resolveOptions(command, options, config, given);
  return { args: { operands, typed: argv, ...settings } as Arguments, run };
}

/** Values of options, and where they come from. */
export type Settings = Pick<Arguments, "values" | "sources" | "configPath">;

/**
 * Takes each option from the command line, else its variable, else the configuration file, else its default.
 *
 * @param command The command.
 * @param options Those of its options that are wanted.
 * @param config What the configuration file sets.
 * @param given What was typed. @default {nothing}
 * @throws {UsageError} For an invalid value.
 */
export function resolveOptions(
  command: Command,
  options: OptionTable,
  config: ConfigValues | undefined,
  given: Tokens["given"] = new Map(),
): Settings {
  const values: Record<string, unknown> = {};
  const sources = new Map<string, Source>();
  for (const [name, row] of Object.entries(options)) {
    const typed = given.get(name);
    const variable = typed || !readsVariables(command) ? undefined : environment(name, row);
    if (typed) {
      values[name] = fromFlags(name, row, typed);
      sources.set(name, "flag");
    } else if (variable !== undefined) {
      values[name] = fromVariable(name, row, variable);
      sources.set(name, "variable");
    } else if (config?.values.has(name)) {
      values[name] = config.values.get(name);
      sources.set(name, "file");
    } else values[name] = row.default;
  }
  return { values, sources, ...defined({ configPath: config?.path }) };
}

function checkOperands(
  title: string,
  { form, min, max }: Operands,
  operands: readonly string[],
  example?: string,
): void {
  const shown = example === undefined ? "" : `: ${example}`;
  if (operands.length < min) throw new UsageError(`${title} needs ${form}${shown}`);
  if (operands.length <= max) return;
  const expected = max === 0 ? `${title} takes no operands` : `${title} takes ${form}`;
  throw new UsageError(`Unexpected operand "${operands[max]}": ${expected}${shown}`);
}

interface Tokens {
  /** By the option's name, in the order of the command line. */
  readonly given: Map<string, (string | boolean)[]>;
  readonly positionals: string[];
}

/** Every flag may be repeated here; {@linkcode fromFlags} rejects repetitions that `parseArgs` would drop. */
function tokenise(command: Command, argv: readonly string[]): Tokens {
  const flags = flagsOf(command.options);
  const options = Object.fromEntries(
    [...flags].map(([flag, { name, row }]) => [
      flag,
      {
        type: row.type === "flag" ? "boolean" as const : "string" as const,
        multiple: true,
        ...row.short !== undefined && flag === flagOf(name).slice(2) && { short: row.short },
      },
    ]),
  );
  try {
    const args = withBareValues(argv, flags);
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const given: Tokens["given"] = new Map();
    for (const [flag, list] of Object.entries(values)) {
      const { name, negated } = flags.get(flag)!;
      const typed = [list].flat().map((value) => negated ? false : value!);
      given.set(name, [...given.get(name) ?? [], ...typed]);
    }
    return { given, positionals };
  } catch (cause) {
    throw new UsageError(explain(cause as Error & { code?: string }, command, flags), { cause });
  }
}

/** `--http` alone stands for `--http=127.0.0.1:9464`. */
function withBareValues(argv: readonly string[], flags: ReadonlyMap<string, Flag>): string[] {
  return argv.map((arg, i) => {
    const bare = arg.startsWith("--") ? flags.get(arg.slice(2))?.row.bare : undefined;
    return bare === undefined || argv[i + 1]?.startsWith("-") === false ? arg : `${arg}=${bare}`;
  });
}

interface Flag {
  readonly name: string;
  readonly row: Option;
  readonly negated: boolean;
}

/** By flag without dashes: each option's flag, its older name, and `no-…` where it is on by default. */
function flagsOf(options: OptionTable): Map<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const [name, row] of Object.entries(options)) {
    if (row.type === "api") continue;
    const flag = flagOf(name).slice(2);
    flags.set(flag, { name, row, negated: false });
    if (row.alias !== undefined) flags.set(row.alias, { name, row, negated: false });
    if (row.type === "flag" && row.default === true) flags.set(`no-${flag}`, { name, row, negated: true });
  }
  return flags;
}

function explain(
  error: Error & { code?: string },
  command: Command,
  flags: ReadonlyMap<string, Flag>,
): string {
  const option = /'(?:-\w, )?(--?[^' =]+)/.exec(error.message)?.[1] ?? "";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const known = [...flags.keys(), "help"].map((flag) => `--${flag}`);
    return `${command.name} has no option ${option}${didYouMean(option, known) || ": --help lists them"}`;
  }
  const row = flags.get(option.replace(/^--/, ""))?.row;
  if (error.code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
    if (!row || row.type === "flag") return `${option} takes no value`;
    const withDash = error.message.includes("ambiguous") ? `, or ${option}=-… if it begins with a dash` : "";
    return `${option} needs a value: ${option} ${valueForm(row)}${withDash}`;
  }
  return error.message;
}

function fromFlags(name: string, row: Option, typed: readonly (string | boolean)[]): unknown {
  const flag = flagOf(name);
  const values = typed.map((value) =>
    typeof value === "boolean" ? value : readIn(flag, row, parseOption(flag, row, value, usageError), true)
  );
  if (values.length === 1) return values[0];
  if (values.every(Array.isArray)) return values.flat();
  if (values.every((value) => value === true)) return true;
  throw new UsageError(`${flag} is given ${values.length} times: expected once`);
}

function fromVariable(name: string, row: Option, text: string): unknown {
  const variable = variableOf(name, row);
  return readIn(variable, row, parseOption(variable, row, text, usageError), !("secret" in row));
}

/**
 * Reads certificates and secrets, which are given as files; only a variable may hold a secret itself.
 *
 * @param label How the user wrote the name, for the message.
 * @param row Of the option.
 * @param value As it was given.
 * @param isPath Whether it is the path of a file, if the option takes one.
 * @throws {UsageError} If the file cannot be read.
 */
export function readIn(label: string, row: Option, value: unknown, isPath: boolean): unknown {
  if (!isPath || !("from" in row)) return value;
  return Array.isArray(value) ? value.map((path) => readFile(label, path)) : readFile(label, String(value));
}

function readFile(label: string, path: string): string {
  try {
    return Deno.readTextFileSync(path).replace(/\r?\n$/, "");
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new UsageError(`${label}: ${explainFileError("read", path, cause).message}`, { cause });
  }
}

function environment(name: string, row: Option): string | undefined {
  if (row.type === "api" || row.typed) return undefined;
  const older = row.alias && Deno.env.get(variableOf(row.alias, {}));
  return Deno.env.get(variableOf(name, row)) || older || undefined;
}

/** What stands for the value of an option in texts: `URL`, `full|normal`. */
export function valueForm(row: Option): string {
  return row.value ?? (row.type === "choice" ? row.values.join("|") : "VALUE");
}

function usageError(message: string): UsageError {
  return new UsageError(message);
}
