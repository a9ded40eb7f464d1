import { isAbsolute } from "node:path";
import { BusError } from "./transport/errors.ts";

/**
 * Default directory of the files of imagebus: `IMAGEBUS_STATE_DIR`, else the user's state directory
 * (XDG Base Directory Specification 0.8 on Linux: an empty or relative path counts as not set;
 * `Application Support` on macOS; `LOCALAPPDATA` on Windows).
 *
 * @returns A path; the directory may not exist yet.
 * @throws {BusError} `invalid` if the variables name none.
 */
export function stateDir(): string {
  const found = findStateDir();
  if (found !== undefined) return found;
  const base = Deno.build.os === "windows" ? "LOCALAPPDATA" : "HOME";
  throw new BusError(
    "invalid",
    `Cannot find the state directory: ${base} is not set; set it, or IMAGEBUS_STATE_DIR to a directory`,
  );
}

/** {@linkcode stateDir}, or `undefined` if the variables name none. */
export function findStateDir(): string | undefined {
  const own = Deno.env.get("IMAGEBUS_STATE_DIR");
  if (own) return own;
  if (Deno.build.os === "windows") return inside("LOCALAPPDATA", "\\imagebus");
  if (Deno.build.os === "darwin") return inside("HOME", "/Library/Application Support/imagebus");
  return inside("XDG_STATE_HOME", "/imagebus") ?? inside("HOME", "/.local/state/imagebus");
}

function inside(variable: string, path: string): string | undefined {
  const base = Deno.env.get(variable);
  return base && isAbsolute(base) ? base + path : undefined;
}
