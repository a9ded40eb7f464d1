import { gunzipSync } from "node:zlib";
import { ModelError } from "../../models/errors.ts";
import { readUrl, showUrl } from "../../models/read_url.ts";

const MAX_FILE_BYTES = 134_217_728;

/**
 * Magic number of IDX files of unsigned bytes, without the number of dimensions (yann.lecun.com/exdb/mnist).
 */
const UNSIGNED_BYTES = 0x800;

/**
 * Reads a gzipped IDX file of unsigned bytes.
 *
 * @param url The file.
 * @param extents Required extent of each dimension, the outermost first.
 * @returns The content, with the last dimension fastest.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: not gzip, not IDX, or of another size.
 */
export async function readIdx(url: URL, extents: readonly number[]): Promise<Uint8Array> {
  const bytes = unzip(await readUrl(url, MAX_FILE_BYTES), url);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected = [UNSIGNED_BYTES + extents.length, ...extents];
  const header = expected.map((_, i) => bytes.byteLength >= 4 * i + 4 ? view.getUint32(4 * i) : undefined);
  if (header.join() !== expected.join()) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has the IDX header ${show(header)}; it must be ${show(expected)}`,
    );
  }
  const content = bytes.subarray(4 * expected.length);
  const size = extents.reduce((product, extent) => product * extent, 1);
  if (content.byteLength !== size) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has ${content.byteLength} bytes of content; its header specifies ${size}`,
    );
  }
  return content;
}

function unzip(bytes: Uint8Array, url: URL): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES });
  } catch (cause) {
    const message = `Cannot unpack ${showUrl(url)}: ${
      (cause as Error).message
    }; it must be the official .gz file`;
    throw new ModelError("damaged", message, { cause });
  }
}

function show([magic, ...extents]: readonly (number | undefined)[]): string {
  return `0x${magic?.toString(16).padStart(8, "0") ?? "–"} ${
    extents.map((extent) => extent ?? "–").join("×")
  }`;
}
