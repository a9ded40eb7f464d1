import { CodedError, messageOf } from "../lib/coded_error.ts";
import { type Command, type Permission, UsageError } from "./command.ts";

/** How a command ends that threw. */
export interface Exit {
  /** 2: the user can correct what was typed; 1: something failed. */
  readonly code: 1 | 2;
  /** One or two lines; empty when there is nobody to read it. */
  readonly message: string;
}

/** Codes of errors that lie in what was typed. */
const MISTAKES = new Set(["invalid", "too_large", "not_found", "invalid_manifest"]);

/**
 * Turns what a command threw into a message and an exit code.
 *
 * @param error What was thrown.
 * @param command Which command threw it.
 */
export async function exitFor(error: unknown, command: Command | undefined): Promise<Exit> {
  if (error instanceof UsageError) return { code: 2, message: error.message };
  if (error instanceof Deno.errors.NotCapable) {
    return { code: 2, message: await missingPermissions(error, command) };
  }
  if (error instanceof Deno.errors.BrokenPipe) return { code: 1, message: "" };
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) {
    return { code: 2, message: error.message };
  }
  if (error instanceof CodedError) {
    return { code: MISTAKES.has(error.code) ? 2 : 1, message: error.message };
  }
  return { code: 1, message: messageOf(error) };
}

/** Without a terminal Deno cannot ask. All flags are named at once, not one after the other. */
async function missingPermissions(error: Error, command: Command | undefined): Promise<string> {
  const missing: Permission[] = [];
  for (const name of command?.permissions ?? []) {
    // Only Kafka and PostgreSQL need these two.
    if ((name === "net" || name === "sys") && !error.message.includes(`--allow-${name}`)) continue;
    if ((await Deno.permissions.query({ name })).state !== "granted") missing.push(name);
  }
  if (missing.length === 0) return error.message;
  const flags = missing.map((name) => `--allow-${name}`).join(" ");
  return `${command?.name} needs more permissions: deno run ${flags} cli.ts ${command?.name} …`;
}
