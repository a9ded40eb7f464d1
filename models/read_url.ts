import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ModelError } from "./errors.ts";
import { concatBytes } from "../lib/bytes.ts";
import { explainFileError, type FileAction } from "../lib/file_errors.ts";

const FETCH_TIMEOUT_MS = 30_000;

/**
 * Reads a file.
 *
 * @param url file: (needs the permission to read it) or http:, https: (needs the permission for the host).
 * @param maxBytes A larger file is refused.
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
 * Like {@linkcode readUrl}, for a file that need not exist.
 *
 * @param url As for {@linkcode readUrl}.
 * @param maxBytes A larger file is refused.
 * @returns undefined if it does not exist.
 * @throws {ModelError} `denied`, `damaged` (too large) or `unavailable` (http only).
 */
export async function readIfExists(url: URL, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await readUrl(url, maxBytes);
  } catch (error) {
    if (error instanceof ModelError && error.code === "not_found") return undefined;
    throw error;
  }
}

/**
 * Formats a URL for messages.
 *
 * @param url Any URL.
 * @returns The path of a file: URL, otherwise the URL.
 */
export function showUrl(url: URL): string {
  return url.protocol === "file:" ? fileURLToPath(url) : url.href;
}

/**
 * Resolves a directory.
 *
 * @param place A directory; a string is a path, relative to the working directory.
 * @returns Its URL, with a slash at the end.
 */
export function directoryUrl(place: string | URL): URL {
  const url = place instanceof URL ? place : pathToFileURL(resolve(place));
  return url.pathname.endsWith("/") ? url : new URL(`${url.href}/`);
}

/**
 * Explains why a file or an address could not be read, written or created.
 *
 * @param url The file or the address.
 * @param cause What was thrown.
 * @param action What was attempted.
 * @returns The error to throw; a `ModelError` is returned unchanged.
 */
export function explain(url: URL, cause: unknown, action: FileAction = "read"): ModelError {
  if (cause instanceof ModelError) return cause;
  const flag = url.protocol === "file:" ? undefined : `--allow-net=${url.host}`;
  const { code, message } = explainFileError(action, showUrl(url), cause, flag);
  return new ModelError(code === "exists" ? "invalid" : code, message, { cause });
}

/**
 * Looks up a file or directory; symbolic links are followed.
 *
 * @param url Any file: URL.
 * @returns undefined if it does not exist.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function statIfExists(url: URL): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(url);
  } catch (cause) {
    const error = explain(url, cause);
    if (error.code === "not_found") return undefined;
    throw error;
  }
}

async function openRemote(url: URL): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  const code = response.status === 404 ? "not_found" : "unavailable";
  throw new ModelError(code, `Cannot fetch ${url.href}: the server answers ${response.status}`);
}

async function collect(stream: ReadableStream<Uint8Array>, url: URL, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > maxBytes) {
      throw new ModelError("damaged", `${showUrl(url)} is too large; it may have at most ${maxBytes} bytes`);
    }
  }
  return concatBytes(chunks);
}
