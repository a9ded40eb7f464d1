import { CodedError, messageOf } from "../lib/coded_error.ts";
import { type Command, UsageError } from "./command.ts";
import { missingPermissions, permissionFlags } from "./permissions.ts";

/** How a command that threw ends. */
export interface Exit {
  /** 2: the command line must be corrected; 1: something failed. */
  readonly code: 1 | 2;
  /** One or two lines; empty when nobody reads standard output any more. */
  readonly message: string;
}

/** Codes of errors that are mistakes of the user. */
export const MISTAKES: ReadonlySet<string> = new Set([
  "invalid",
  "denied",
  "too_large",
  "not_found",
  "invalid_manifest",
]);

/** Errors of the file system that are mistakes of the user. */
const FILE_MISTAKES = [
  Deno.errors.NotFound,
  Deno.errors.NotADirectory,
  Deno.errors.IsADirectory,
  Deno.errors.PermissionDenied,
];

/**
 * Turns what a command threw into an exit code and a message.
 *
 * @param error What was thrown.
 * @param command The command that threw it, if it was found.
 */
export async function exitFor(error: unknown, command: Command | undefined): Promise<Exit> {
  if (error instanceof UsageError) return { code: 2, message: error.message };
  if (error instanceof Deno.errors.NotCapable) {
    return { code: 2, message: await explainRefusal(error, command) };
  }
  if (error instanceof Deno.errors.BrokenPipe) return { code: 1, message: "" };
  if (FILE_MISTAKES.some((kind) => error instanceof kind)) return { code: 2, message: messageOf(error) };
  if (error instanceof CodedError) {
    return { code: MISTAKES.has(error.code) ? 2 : 1, message: error.message };
  }
  return { code: 1, message: messageOf(error) };
}

/** Without a terminal Deno cannot ask: all missing flags are listed at once. */
async function explainRefusal({ message }: Error, command: Command | undefined): Promise<string> {
  const missing = command ? await missingPermissions(command, message) : [];
  if (missing.length === 0) return message;
  const flags = permissionFlags(missing).join(" ");
  return `${command?.name} needs more permissions: deno run ${flags} cli.ts ${command?.name} …`;
}
