import { ModelError } from "../../models/errors.ts";
import { directoryUrl, showUrl, statIfExists } from "../../models/read_url.ts";

/**
 * Where the data sets are, or would be.
 *
 * @param option A directory that was asked for. Else the environment variable `IMAGEBUS_DATA` is taken, else the directory
 * `data` in the working directory.
 * @returns The first of these that is named; it need not exist.
 * @throws {ModelError} `invalid` if it is not on this machine.
 */
export function dataDirectory(option?: string | URL): URL {
  const url = directoryUrl(option || fromEnvironment("IMAGEBUS_DATA") || "data");
  if (url.protocol === "file:") return url;
  throw new ModelError("invalid", `The directory of data must be on this machine; got ${url.href}`);
}

/**
 * Finds the directory of the data sets; see {@linkcode dataDirectory}.
 *
 * @param option A directory that was asked for.
 * @returns It, seen to be there.
 * @throws {ModelError} `not_found` if it is not a directory; `denied`; `invalid`.
 */
export async function findDataDirectory(option?: string | URL): Promise<URL> {
  const url = dataDirectory(option);
  if (await isDirectory(url)) return url;
  throw new ModelError(
    "not_found",
    `There is no directory of data at ${
      showUrl(url)
    }; name another by --data or IMAGEBUS_DATA, or fill it by:` +
      " deno task data get fashion-mnist, mnist or cifar-10",
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

/** Without the permission to read it, it is as if it were not set. */
function fromEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
