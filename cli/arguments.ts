import { parseArgs } from "node:util";
import { type Arguments, type Command, environmentOf, type Option, UsageError } from "./command.ts";
import { didYouMean } from "./ui/suggestion.ts";

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/**
 * Reads the arguments of a command. What is not on the command line is looked up in the environment.
 *
 * @param command Whose arguments they are.
 * @param argv What follows its name.
 * @throws {UsageError} For an unknown option, a missing or a wrong value.
 */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const { values, positionals } = parse(command, argv);
  const text = (name: string) => values[name]?.toString() ?? fromEnvironment(name, command.options[name]);
  const args: Arguments = {
    operands: positionals,
    text,
    texts: (name) => [values[name] ?? fromEnvironment(name, command.options[name]) ?? []].flat().map(String),
    flag: (name) => values[name] === true,
    number: (name) => toNumber(name, text(name), command.options[name]?.range),
  };
  for (const [name, option] of Object.entries(command.options)) {
    if (option.type === "number") args.number(name);
  }
  return args;
}

function parse(command: Command, argv: readonly string[]): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, multiple = false }]) => [
      name,
      { type: type === "boolean" ? "boolean" as const : "string" as const, multiple },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(explain(cause as Error & { code?: string }, command), { cause });
  }
}

function explain(error: Error & { code?: string }, command: Command): string {
  const option = /'(?:-\w, )?(--?[^' =]+)/.exec(error.message)?.[1] ?? "";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const known = [...Object.keys(command.options), "help"].map((name) => `--${name}`);
    return `${command.name} has no option ${option}${didYouMean(option, known)}`;
  }
  const value = command.options[option.replace(/^--/, "")]?.value;
  if (error.code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
    return value ? `${option} needs a value: ${option} ${value}` : `${option} takes no value`;
  }
  return error.message;
}

function fromEnvironment(name: string, option: Option | undefined): string | undefined {
  if (!option?.value) return undefined;
  return Deno.env.get(environmentOf(name, option)) || undefined;
}

function toNumber(name: string, text: string | undefined, range: Option["range"]): number | undefined {
  if (text === undefined) return undefined;
  const [min, max] = range ?? [0, Number.MAX_SAFE_INTEGER];
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new UsageError(`--${name} is "${text}": expected a whole number from ${min} to ${max}`);
}

/**
 * Reads an integer.
 *
 * @param name The option, without its dashes.
 * @param text As it was given.
 * @param min The least it may be.
 * @param max The most it may be.
 * @throws {UsageError}
 */
export function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} is "${text}": expected a whole number from ${min} to ${max}`);
}

/**
 * Reads one of some words.
 *
 * @param name The option, without its dashes.
 * @param text As it was given.
 * @param known The words.
 * @throws {UsageError}
 */
export function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} has "${text}": expected ${known.join(", ")}`);
}
