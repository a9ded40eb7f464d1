import { BusError } from "./transport/errors.ts";
import { abortable } from "../lib/abortable.ts";
import { concatBytes } from "../lib/bytes.ts";
import { showValue } from "../lib/show_value.ts";

/** An encoded image (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC, PNM, ICO). A `URL` must be a `file:` URL. */
export type ImageSource = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | URL;

/**
 * Reads an image into memory. One that is too large is refused before it is read completely.
 *
 * @param source The image.
 * @param maxBytes Largest size, in bytes.
 * @param signal Ends reading: rejects with the signal's reason.
 * @returns Its bytes; for a `Uint8Array` or `ArrayBuffer` the same memory.
 * @throws {BusError} `too_large`; `invalid` for another kind of value or URL, and for a stream of something else.
 * @throws {Deno.errors.NotFound} and other errors of the file system, for a `file:` URL.
 *
 * @example
 * ```ts
 * import { readImage } from "./image_source.ts";
 * const bytes = await readImage(new Blob(["abc"]), 1_000);
 * if (bytes.length !== 3) throw new Error("unexpected");
 * ```
 */
export async function readImage(
  source: ImageSource,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  if (source instanceof Uint8Array) return within(source, maxBytes);
  if (source instanceof ArrayBuffer) return within(new Uint8Array(source), maxBytes);
  if (source instanceof Blob) {
    refuseLarger(source.size, maxBytes);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (source instanceof ReadableStream && !source.locked) return await readStream(source, maxBytes, signal);
  if (source instanceof URL && source.protocol === "file:") return await readFile(source, maxBytes, signal);
  throw notAnImage(showSource(source));
}

function showSource(source: unknown): string {
  if (source instanceof URL) return `a ${source.protocol} URL`;
  return source instanceof ReadableStream ? "a ReadableStream that is read already" : showValue(source);
}

function notAnImage(given: string): BusError {
  const expected = "a Uint8Array, ArrayBuffer, Blob, ReadableStream of Uint8Array or file: URL";
  return new BusError("invalid", `Cannot read an image from ${given}; expected ${expected}`);
}

/**
 * The media type of an image, detected from its first bytes.
 *
 * @param image The encoded image.
 * @returns `application/octet-stream` for an unknown format.
 */
export function mediaType(image: Uint8Array): string {
  if (image[0] === 0x89 && image[1] === 0x50) return "image/png";
  if (image[0] === 0xff && image[1] === 0xd8) return "image/jpeg";
  return "application/octet-stream";
}

function refuseLarger(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  const [size, limit] = [bytes, maxBytes].map((count) => count.toLocaleString("en"));
  throw new BusError(
    "too_large",
    `Cannot send the image: it has ${size} bytes; the limit is ${limit}: ` +
      "send a smaller one, or raise --max-message-bytes (IMAGEBUS_MAX_MESSAGE_BYTES, maxMessageBytes)",
  );
}

function within(bytes: Uint8Array, maxBytes: number): Uint8Array {
  refuseLarger(bytes.length, maxBytes);
  return bytes;
}

async function readFile(url: URL, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
  using file = await Deno.open(url);
  const { size, isFile } = await file.stat();
  if (!isFile) throw new BusError("invalid", `Cannot read ${url.pathname}: it is not a file`);
  refuseLarger(size, maxBytes);
  return await readStream(file.readable, maxBytes, signal);
}

async function readStream(stream: ReadableStream<Uint8Array>, maxBytes: number, signal?: AbortSignal) {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  let size = 0;
  try {
    while (true) {
      // Whoever writes the stream may pause for any time.
      const next = signal ? await abortable(reader.read(), signal) : await reader.read();
      signal?.throwIfAborted();
      if (next === null || next.done) return concatBytes(chunks);
      if (!(next.value instanceof Uint8Array)) {
        throw notAnImage(`a ReadableStream of ${showValue(next.value)}`);
      }
      size += next.value.length;
      refuseLarger(size, maxBytes);
      chunks.push(next.value);
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}
