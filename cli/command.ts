/**
 * What a command of the command line is: data from which arguments are read and help is written.
 *
 * @module
 */
import type { OptionTable, SettingsOf } from "../lib/options.ts";

/** Permissions that a command can need, by the names of Deno. */
export type Permission = "read" | "write" | "env" | "net" | "sys" | "run";

/** What follows the options. */
export interface Operands {
  /** For the help: `FILE…`. */
  readonly form: string;
  readonly min: number;
  readonly max: number;
}

/** No operands. */
export const NO_OPERANDS: Operands = { form: "", min: 0, max: 0 };

/** What every command and each of its actions has. */
interface Runnable<T extends OptionTable> {
  readonly operands: Operands;
  /**
   * @returns The exit code.
   * @throws What `exit.ts` turns into a message and an exit code.
   */
  run(args: Arguments<T>): Promise<number>;
}

/** One of several things that a command does: `data get`. */
export interface Action<T extends OptionTable> extends Runnable<T> {
  /** Which of the command's options it takes. */
  readonly options: readonly (keyof T & string)[];
}

/** What every command has. */
interface Described<T extends OptionTable> {
  /**
   * What is typed before the name, for the tools of this repository: they read no variables and list no permissions.
   *
   * @default {"imagebus"}
   */
  readonly program?: "deno task" | "deno run -A";
  readonly name: string;
  /** A phrase without a full stop. */
  readonly summary: string;
  readonly options: T;
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Values of an option that need more than a word, for the help. */
  readonly terms?: {
    readonly title: string;
    readonly rows: readonly (readonly [term: string, meaning: string])[];
  };
  readonly permissions: readonly Permission[];
}

/** A command that does one thing. */
export interface SingleCommand<T extends OptionTable = OptionTable> extends Described<T>, Runnable<T> {}

/** A command whose first operand says which of several things it does. */
export interface ActionCommand<T extends OptionTable = OptionTable> extends Described<T> {
  readonly actions: Readonly<Record<string, Action<T>>>;
}

/** A command. */
export type Command<T extends OptionTable = OptionTable> = SingleCommand<T> | ActionCommand<T>;

/** Where a value came from. */
export type Source = "flag" | "variable";

/** What was typed, checked against the options of the command. */
export interface Arguments<T extends OptionTable = OptionTable> {
  readonly operands: readonly string[];
  /** A value for each option, defaults filled in. */
  readonly values: SettingsOf<T>;
  /** Options that are not at their default. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** A mistake of the user: one or two lines, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Declares a command; only for its types. */
export function defineCommand<const T extends OptionTable>(command: SingleCommand<T>): SingleCommand<T> {
  return command;
}

/** Declares a command with actions; only for its types. */
export function defineActions<const T extends OptionTable>(command: ActionCommand<T>): ActionCommand<T> {
  return command;
}

/** What is typed before the name of a command. */
export function programOf({ program }: Command): string {
  return program ?? "imagebus";
}
