/**
 * What a command of the command line is: data from which arguments are read and help is written.
 *
 * @module
 */

/** An option; its name everywhere is `--max-message-bytes`, `IMAGEBUS_MAX_MESSAGE_BYTES`, `maxMessageBytes`. */
export interface Option {
  readonly type: "string" | "number" | "boolean";
  /** What stands for the value in the help: `URL`. */
  readonly value?: string;
  readonly description: string;
  /** The environment variable, where it is not named as the option is. */
  readonly environment?: string;
  /** For a string: whether it can be given several times. */
  readonly multiple?: true;
  /** For a number: the smallest and the largest. */
  readonly range?: readonly [number, number];
}

/** Permissions that a command can need, by the names of Deno. */
export type Permission = "read" | "write" | "env" | "net" | "sys" | "run";

/** A command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name: `FILE…`. */
  readonly operands: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly permissions: readonly Permission[];
  /**
   * @returns The exit code.
   * @throws What `exit.ts` turns into a message and an exit code.
   */
  run(args: Arguments): Promise<number>;
}

/** What was typed, checked against the options of the command. */
export interface Arguments {
  readonly operands: readonly string[];
  text(option: string): string | undefined;
  /** The values of an option that can be given several times. */
  texts(option: string): readonly string[];
  number(option: string): number | undefined;
  flag(option: string): boolean;
}

/** A mistake of the user: one or two lines, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The environment variable that stands for an option: `IMAGEBUS_MAX_MESSAGE_BYTES` for `max-message-bytes`. */
export function environmentOf(name: string, option: Option): string {
  return option.environment ?? `IMAGEBUS_${name.toUpperCase().replaceAll("-", "_")}`;
}
