/**
 * A command of the command line: data from which arguments are parsed and help is written.
 *
 * @module
 */
import type { OptionTable, SettingsOf } from "../lib/options.ts";

/** A permission as a flag of Deno names it: `"read"`, or a part of one: `"net=example.org"`. */
export type Permission = "read" | "write" | "env" | "net" | `net=${string}` | "sys=hostname";

/** Permissions of every command that uses a bus. Kafka's client reports the name of this machine. */
export const BUS_PERMISSIONS: readonly Permission[] = ["env", "read", "write", "net", "sys=hostname"];

/** The operands that a command takes. */
export interface Operands {
  /** For the help: `FILE…`. */
  readonly form: string;
  readonly min: number;
  readonly max: number;
}

/** No operands. */
export const NO_OPERANDS: Operands = { form: "", min: 0, max: 0 };

interface Runnable<T extends OptionTable> {
  readonly operands: Operands;
  /**
   * @returns The exit code.
   * @throws Any error: `exit.ts` turns it into a message and an exit code.
   */
  run(args: Arguments<T>): Promise<number>;
}

/** A sub-command: `data get`. */
export interface Action<T extends OptionTable> extends Runnable<T> {
  /** Which of the command's options it takes. */
  readonly options: readonly (keyof T & string)[];
}

interface Described<T extends OptionTable> {
  /**
   * What is typed before the name, for the tools of this repository: they read no variables and list no permissions.
   *
   * @default {"imagebus"}
   */
  readonly program?: "deno task";
  readonly name: string;
  /** A phrase without a full stop. */
  readonly summary: string;
  readonly options: T;
  /** Command lines, each with a phrase that explains it. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Values of an option that need more than a word, for the help. */
  readonly terms?: {
    readonly title: string;
    readonly rows: readonly (readonly [term: string, meaning: string])[];
  };
  readonly permissions: readonly Permission[];
}

/** A command without sub-commands. */
export interface SingleCommand<T extends OptionTable = OptionTable> extends Described<T>, Runnable<T> {}

/** A command whose first operand is a sub-command. */
export interface ActionCommand<T extends OptionTable = OptionTable> extends Described<T> {
  readonly actions: Readonly<Record<string, Action<T>>>;
  /** The sub-command that runs when the first operand is not the name of one. */
  readonly otherwise?: string;
}

/** A command. */
export type Command<T extends OptionTable = OptionTable> = SingleCommand<T> | ActionCommand<T>;

/** How an option was given. */
export type Source = "flag" | "variable" | "file";

/** What a configuration file sets for a command. */
export interface ConfigValues {
  /** Absolute. */
  readonly path: string;
  /** Checked values, by the names of the command's options. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** The parsed arguments, checked against the options of the command. */
export interface Arguments<T extends OptionTable = OptionTable> {
  readonly operands: readonly string[];
  /** A value for each option, defaults filled in. */
  readonly values: SettingsOf<T>;
  /** The command line, without the name of the command. */
  readonly typed: readonly string[];
  /** Options that were given, and how. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The configuration file, if there is one. */
  readonly configPath?: string;
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

/** Whether options can come from variables: a command that needs no permission for them does not look at them. */
export function readsVariables({ program, permissions }: Command): boolean {
  return program === undefined && permissions.includes("env");
}

/** What is typed before the name of a command. */
export function programOf({ program }: Command): string {
  return program ?? "imagebus";
}
