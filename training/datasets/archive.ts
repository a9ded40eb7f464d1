import { messageOf } from "../../lib/coded_error.ts";
import { createTarDecoder, type ParsedTarEntry } from "npm:modern-tar@0.8.6";
import { ModelError } from "../../models/errors.ts";
import { explain, showUrl } from "../../models/read_url.ts";

/** What is unpacked may be so many times the size of the archive; photographs shrink far less. */
const MAX_RATIO = 100;

/** A file in an archive. */
export interface ArchivedFile {
  /** With its path in the archive. */
  readonly path: string;
  /** Its content; to be read to its end before the next file is asked for, or not at all. */
  readonly content: ReadableStream<Uint8Array>;
}

/**
 * Reads the files of a `.tar.gz`, one after the other, without keeping them in memory.
 *
 * @param url The archive.
 * @returns Its regular files; links, directories and all else are passed over.
 * @throws {ModelError} `damaged`: not a `.tar.gz`, cut off, or unpacked out of all proportion; `not_found`; `denied`.
 */
export async function* readArchive(url: URL): AsyncGenerator<ArchivedFile, undefined> {
  try {
    const file = await Deno.open(url);
    const { size } = await file.stat();
    const tar = file.readable
      .pipeThrough(new DecompressionStream("gzip"))
      .pipeThrough(limitTo(size * MAX_RATIO, url));
    for await (const { header, body } of entries(tar)) {
      if (header.type === "file") yield { path: header.name.replace(/^\.\//, ""), content: body };
      // Not cancelled: modern-tar 0.8.6 would then never deliver the rest of the file after it.
      if (!body.locked) await body.pipeTo(new WritableStream());
    }
  } catch (cause) {
    throw explainArchive(url, cause);
  }
}

function entries(tar: ReadableStream<Uint8Array>): ReadableStream<ParsedTarEntry> {
  return tar.pipeThrough(createTarDecoder());
}

function limitTo(bytes: number, url: URL): TransformStream<Uint8Array, Uint8Array> {
  let left = bytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left >= 0) return controller.enqueue(chunk);
      throw new ModelError("damaged", `${showUrl(url)} holds more than ${bytes} bytes when it is unpacked`);
    },
  });
}

function explainArchive(url: URL, cause: unknown): ModelError {
  const error = explain(url, cause);
  if (error.code !== "unavailable") return error;
  const reason = messageOf(cause);
  return new ModelError("damaged", `${showUrl(url)} can't be unpacked; it must be a .tar.gz: ${reason}`, {
    cause,
  });
}
