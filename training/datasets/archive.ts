import { createTarDecoder } from "npm:modern-tar@0.8.6";
import { messageOf } from "../../lib/coded_error.ts";
import { ModelError } from "../../models/errors.ts";
import { explain, showUrl } from "../../models/read_url.ts";

/** A file in an archive. */
export interface ArchivedFile {
  /** With its path in the archive. */
  readonly path: string;
  /** Read it to its end before asking for the next file, or not at all. */
  readonly content: ReadableStream<Uint8Array>;
}

/**
 * Reads the files of a `.tar.gz`, one after the other, without keeping them in memory.
 *
 * @param url The archive.
 * @returns Its regular files; links, directories and everything else are skipped.
 * @throws {ModelError} `damaged`: not a `.tar.gz`, or truncated; `not_found`; `denied`.
 */
export async function* readArchive(url: URL): AsyncGenerator<ArchivedFile, undefined> {
  try {
    const { readable } = await Deno.open(url);
    const entries = readable.pipeThrough(new DecompressionStream("gzip")).pipeThrough(createTarDecoder());
    for await (const { header, body } of entries) {
      if (header.type === "file") yield { path: header.name.replace(/^\.\//, ""), content: body };
      // Not cancelled: modern-tar 0.8.6 would then never deliver the rest of the file after it.
      if (!body.locked) await body.pipeTo(new WritableStream());
    }
  } catch (cause) {
    const error = explain(url, cause);
    if (error.code !== "unavailable") throw error;
    const message = `Cannot unpack ${showUrl(url)}: ${messageOf(cause)}; it must be a .tar.gz`;
    throw new ModelError("damaged", message, { cause });
  }
}
