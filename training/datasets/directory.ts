import { ModelError } from "../../models/errors.ts";
import { directoryUrl, showUrl, statIfExists } from "../../models/read_url.ts";

/**
 * Finds the data directory, which contains all data sets.
 *
 * @param option The directory. Without it the environment variable `IMAGEBUS_DATA` is used, else `./data`.
 * @returns The directory; it need not exist.
 * @throws {ModelError} `invalid` if it is not local.
 */
export function dataDirectory(option?: string | URL): URL {
  const url = directoryUrl(option || fromEnvironment("IMAGEBUS_DATA") || "data");
  if (url.protocol === "file:") return url;
  throw new ModelError("invalid", `Cannot use ${url.href} as data directory: it must be a local directory`);
}

/**
 * Finds the data directory, which must exist; see {@linkcode dataDirectory}.
 *
 * @param option The directory.
 * @throws {ModelError} `not_found` if it is not a directory; `denied`; `invalid`.
 */
export async function findDataDirectory(option?: string | URL): Promise<URL> {
  const url = dataDirectory(option);
  if (await isDirectory(url)) return url;
  throw new ModelError(
    "not_found",
    `There is no data directory ${
      showUrl(url)
    }; choose another with --data or IMAGEBUS_DATA, or create it with:` +
      " deno task data get fashion-mnist (or mnist, cifar-10)",
  );
}

/**
 * Whether a directory exists, itself or by a symbolic link.
 *
 * @param url Any file: URL.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function isDirectory(url: URL): Promise<boolean> {
  return (await statIfExists(url))?.isDirectory ?? false;
}

/** Without the permission to read it, the variable counts as not set. */
function fromEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
