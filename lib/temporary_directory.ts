import { explainFileError } from "./file_errors.ts";

/** A directory that is removed with everything in it when it is disposed of. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/**
 * Creates a temporary directory.
 *
 * @param purpose Part of its name.
 * @throws {Error} If it cannot be created: `TMPDIR` is another place for it.
 *
 * @example
 * ```ts
 * import { temporaryDirectory } from "./temporary_directory.ts";
 * await using directory = await temporaryDirectory("example");
 * await Deno.writeTextFile(`${directory.path}/notes`, "for as long as this block runs");
 * ```
 */
export async function temporaryDirectory(purpose: string): Promise<TemporaryDirectory> {
  const path = await Deno.makeTempDir({ prefix: `imagebus-${purpose}-` }).catch((cause) => {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new Error(explainFileError("create", "a temporary directory (TMPDIR)", cause).message, { cause });
  });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
