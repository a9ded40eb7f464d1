import { setTimeout as sleep } from "node:timers/promises";
import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import type { OfficialFile } from "./official.ts";
import { PartFile } from "./part_file.ts";

/** Can be left out, all of it. */
export interface DownloadOptions {
  /** Is told how many bytes of a file are there, a few times a second or more often. */
  readonly onProgress?: (file: OfficialFile, bytes: number) => void;
  /** Is told, in a line for people, of a fault that is got over: another try, another server. */
  readonly onNotice?: (text: string) => void;
  /** Ends the download; what is there stays as `.part`. */
  readonly signal?: AbortSignal;
  /** Tries of one server without a byte coming. @default {5} */
  readonly attempts?: number;
  /** Before the second try; doubled before each further one, up to 30 s. @default {1_000} */
  readonly pauseMs?: number;
  /** A connection that brings nothing for so long is given up. @default {30_000} */
  readonly stallMs?: number;
}

/** What is wrong with a server or the way to it; our own disk is another matter. */
class SourceFault extends Error {
  /** @param passing Whether the same request can succeed later. */
  constructor(readonly passing: boolean, message: string) {
    super(message);
  }
}

const MAX_PAUSE_MS = 30_000;

/** However much each of them brings. */
const MAX_REQUESTS = 200;

/** Answers after which the same request can succeed (RFC 9110). */
const PASSING: ReadonlySet<number> = new Set([408, 416, 425, 429, 500, 502, 503, 504]);

/**
 * Downloads a file whose size and MD5 are known. What an earlier run left as `<target>.part` is gone on with, by a range
 * request (RFC 9110, section 14). A server that does not have the file, or has another one, is left for the next.
 *
 * @param file What it must be.
 * @param urls Where it is, in the order in which they are tried; at least one.
 * @param target Where it goes; its directory is there.
 * @param options Progress, abortion, patience.
 * @throws {ModelError} `unavailable`: no server gave it, with what each of them answered, or the disk is full; `denied`;
 * `not_found`: no directory. Or the signal's reason. Then there is nothing at `target`.
 */
export async function download(
  file: OfficialFile,
  urls: readonly URL[],
  target: URL,
  options: DownloadOptions = {},
): Promise<void> {
  await using part = await PartFile.open(target);
  const faults: string[] = [];
  for (const url of urls) {
    try {
      await downloadFrom(url, file, part, options);
      await part.commit();
      return;
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      faults.push(error.message);
      if (faults.length < urls.length) options.onNotice?.(`${error.message}; the next server is asked`);
    }
  }
  throw new ModelError(
    "unavailable",
    `${file.name} could not be downloaded to ${showUrl(target)}: ${faults.join("; ")}`,
  );
}

async function downloadFrom(
  url: URL,
  file: OfficialFile,
  part: PartFile,
  options: DownloadOptions,
): Promise<void> {
  const before = part.size;
  await fill(url, file, part, options);
  const md5 = await part.md5();
  if (md5 === file.md5) return;
  await part.empty();
  const message = `${url.href} has the MD5 ${md5}; the official file has ${file.md5}`;
  if (before === 0) throw new SourceFault(false, message);
  options.onNotice?.(`With what an earlier run had left, ${message}; it is downloaded from the beginning`);
  await downloadFrom(url, file, part, options);
}

/** Asks again and again until the file has its size. */
async function fill(url: URL, file: OfficialFile, part: PartFile, options: DownloadOptions): Promise<void> {
  const { attempts = 5, pauseMs = 1_000 } = options;
  for (let request = 1, failures = 0;; request++) {
    const before = part.size;
    try {
      return await transfer(url, file, part, options);
    } catch (error) {
      if (!(error instanceof SourceFault && error.passing)) throw error;
      failures = part.size > before ? 1 : failures + 1;
      if (failures >= attempts || request >= MAX_REQUESTS) throw error;
      const ms = Math.min(MAX_PAUSE_MS, pauseMs * 2 ** (failures - 1));
      options.onNotice?.(`${error.message}; the next try is in ${Math.ceil(ms / 1000)} s`);
      const { signal } = options;
      await sleep(ms, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function transfer(
  url: URL,
  file: OfficialFile,
  part: PartFile,
  options: DownloadOptions,
): Promise<void> {
  if (part.size > file.bytes) await part.empty();
  if (part.size === file.bytes) return;
  using watch = new StallWatch(options);
  try {
    const body = await request(url, file, part, watch.signal);
    for await (const chunk of body) {
      watch.reset();
      if (part.size + chunk.byteLength > file.bytes) {
        await part.empty();
        throw new SourceFault(
          false,
          `${url.href} has more than the ${file.bytes} bytes of the official file`,
        );
      }
      await part.append(chunk);
      options.onProgress?.(file, part.size);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw toFault(url, error, watch);
  }
  if (part.size < file.bytes) {
    throw new SourceFault(true, `${url.href} ended after ${part.size} of ${file.bytes} bytes`);
  }
}

/** Asks for what is missing. */
async function request(
  url: URL,
  file: OfficialFile,
  part: PartFile,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  // Compressed on the way, its parts would not be those of the file.
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (part.size > 0) headers["range"] = `bytes=${part.size}-`;
  const response = await fetch(url, { headers, signal });
  try {
    await checkAnswer(response, url, file, part);
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
  return response.body ?? new Blob().stream();
}

async function checkAnswer(response: Response, url: URL, file: OfficialFile, part: PartFile): Promise<void> {
  const { status, headers } = response;
  if (status === 416) await part.empty();
  if (status !== 200 && status !== 206) {
    throw new SourceFault(PASSING.has(status), `${url.href} answers ${status}`);
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  const length = headers.get("content-length");
  const [start, total] = status === 206
    ? [Number(range?.[1]), range?.[2] === "*" ? null : range?.[2]]
    : [0, headers.has("content-encoding") ? null : length];
  if (total != null && Number(total) !== file.bytes) {
    throw new SourceFault(false, `${url.href} has ${total} bytes; the official file has ${file.bytes}`);
  }
  if (start === part.size) return;
  await part.empty();
  if (status === 206) throw new SourceFault(true, `${url.href} sent another part than was asked for`);
}

function toFault(url: URL, error: unknown, { isStalled, stallMs }: StallWatch): unknown {
  const isOurs = error instanceof SourceFault || error instanceof ModelError;
  if (isOurs || error instanceof Deno.errors.NotCapable) return error;
  if (isStalled) return new SourceFault(true, `${url.href} sent nothing for ${stallMs / 1000} s`);
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return new SourceFault(true, `${url.href} can't be read: ${reason}`);
}

/** Ends a request that brings nothing any more. */
class StallWatch implements Disposable {
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ stallMs = 30_000, signal }: DownloadOptions) {
    this.stallMs = stallMs;
    this.signal = AbortSignal.any([this.#controller.signal, ...(signal === undefined ? [] : [signal])]);
    this.reset();
  }

  get isStalled(): boolean {
    return this.#controller.signal.aborted;
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.stallMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
