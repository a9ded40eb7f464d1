import { explainFileError, type FileAction } from "../lib/file_errors.ts";
import { ifFound } from "../lib/if_found.ts";
import { UsageError } from "./command.ts";

/**
 * The error to throw when a file was refused: a mistake of the user, or a failure that can pass, such as a full disk.
 *
 * @param action What was tried.
 * @param path As the user wrote it.
 * @param cause What was thrown; a permission that Deno lacks is returned unchanged, so that all missing flags are listed.
 */
export function fileFailure(action: FileAction, path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotCapable) return cause;
  const { code, message } = explainFileError(action, path, cause);
  return code === "unavailable" ? new Error(message, { cause }) : new UsageError(message, { cause });
}

/**
 * Looks up a file or directory that the user named; symbolic links are followed.
 *
 * @param path As the user wrote it.
 * @returns `null` if it does not exist.
 * @throws {UsageError} If its directory may not be entered.
 */
export async function statIfAny(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await ifFound(Deno.stat(path));
  } catch (cause) {
    throw fileFailure("read", path, cause);
  }
}
