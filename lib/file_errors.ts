import { messageOf } from "./coded_error.ts";

/** Why the operating system or Deno refused a file. */
export interface FileFault {
  /** `unavailable` can pass by itself: a full disk, a network file system that does not answer. */
  readonly code: "not_found" | "exists" | "denied" | "unavailable";
  /** One sentence, with the place and what would be right. */
  readonly message: string;
}

/** Deno decodes names as UTF-8, and then looks for the file under another name. */
const NOT_UTF8 = "its name is not valid UTF-8, so that Deno cannot open it; rename it";

function isForeign(path: string): boolean {
  return path.includes("\ufffd");
}

/** What was tried: each is the end of "Cannot …". */
export type FileAction = "read" | "write" | "create";

/**
 * Explains why a file could not be read, written or created.
 *
 * @param action What was tried.
 * @param where The path or URL, as people write it.
 * @param cause What was thrown.
 * @param flag The permission that Deno lacks, where it is not `--allow-read` or `--allow-write` with this place.
 */
export function explainFileError(
  action: FileAction,
  where: string,
  cause: unknown,
  flag = `--allow-${action === "read" ? "read" : "write"}=${where}`,
): FileFault {
  const reason = messageOf(cause);
  const fault = (code: FileFault["code"], text: string) => ({
    code,
    message: `Cannot ${action} ${where}: ${text}`,
  });
  if (cause instanceof Deno.errors.NotADirectory && action !== "read") {
    return fault("exists", "a part of its path is a file; expected a directory");
  }
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    if (action !== "read") return fault("not_found", "its directory does not exist");
    return fault("not_found", isForeign(where) ? NOT_UTF8 : "there is no such file or directory");
  }
  if (cause instanceof Deno.errors.IsADirectory) return fault("exists", "it is a directory");
  if (cause instanceof Deno.errors.AlreadyExists) {
    return fault("exists", "something of that name is in the way");
  }
  if (cause instanceof Deno.errors.NotCapable) return fault("denied", `Deno needs ${flag}`);
  if (cause instanceof Deno.errors.PermissionDenied || /EROFS|os error 30\b/.test(reason)) {
    return fault("denied", "the file system denies access");
  }
  // Deno has no class for a full disk.
  if (/ENOSPC|os error 28\b/.test(reason)) return fault("unavailable", "the disk is full");
  return fault("unavailable", reason);
}
