import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ModelError } from "./errors.ts";

const FETCH_TIMEOUT_MS = 30_000;

/**
 * Reads a whole file.
 *
 * @param url file: (needs the permission to read it) or http:, https: (needs the permission for the host).
 * @param maxBytes A larger file is refused.
 * @returns Its content.
 * @throws {ModelError} `not_found`, `denied`, `damaged` (too large) or `unavailable` (http only).
 */
export async function readUrl(url: URL, maxBytes: number): Promise<Uint8Array> {
  try {
    const stream = url.protocol === "file:" ? (await Deno.open(url)).readable : await openRemote(url);
    return await collect(stream, url, maxBytes);
  } catch (cause) {
    throw explain(url, cause);
  }
}

/**
 * How a place is called in messages: a path for what is on this machine.
 *
 * @param url Any URL.
 * @returns The path of a file: URL, else the URL.
 */
export function showUrl(url: URL): string {
  return url.protocol === "file:" ? fileURLToPath(url) : url.href;
}

/**
 * Turns a directory as users name it into a URL.
 *
 * @param place A directory; a text is a path, relative to the working directory.
 * @returns Its URL, with a slash at the end.
 */
export function directoryUrl(place: string | URL): URL {
  const url = place instanceof URL ? place : pathToFileURL(resolve(place));
  return url.pathname.endsWith("/") ? url : new URL(`${url.href}/`);
}

/**
 * Says in our words why the file system or the network refused.
 *
 * @param url What was to be read.
 * @param cause What was thrown.
 * @returns The error to throw; a ModelError is returned as it is.
 */
export function explain(url: URL, cause: unknown): ModelError {
  const where = showUrl(url);
  if (cause instanceof ModelError) return cause;
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    return new ModelError("not_found", `${where} is not there`, { cause });
  }
  if (cause instanceof Deno.errors.NotCapable) {
    const flag = url.protocol === "file:" ? `--allow-read=${where}` : `--allow-net=${url.host}`;
    return new ModelError("denied", `${where} can't be read: Deno was not given ${flag}`, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new ModelError("denied", `${where} can't be read: the file system denies it`, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelError("unavailable", `${where} can't be read: ${reason}`, { cause });
}

async function openRemote(url: URL): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  const code = response.status === 404 ? "not_found" : "unavailable";
  throw new ModelError(code, `${url.href} can't be fetched: the server answers ${response.status}`);
}

async function collect(stream: ReadableStream<Uint8Array>, url: URL, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > maxBytes) {
      throw new ModelError("damaged", `${showUrl(url)} has more than the ${maxBytes} bytes it may have`);
    }
  }
  return join(chunks, length);
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
