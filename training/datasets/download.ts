import { clearTimeout, setTimeout } from "node:timers";
import { Backoff } from "../../lib/backoff.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { sleep } from "../../lib/sleep.ts";
import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import type { OfficialFile } from "./official.ts";
import { PartFile } from "./part_file.ts";

/** Progress, abort and retries of a download. */
export interface DownloadOptions {
  /** Receives the number of bytes of a file on disk after every chunk. */
  readonly onProgress?: (file: OfficialFile, bytes: number) => void;
  /** Receives one line for each fault that does not end the download: a retry, the next server. */
  readonly onNotice?: (text: string) => void;
  /** Aborts the download; what has arrived stays as `.part`. */
  readonly signal?: AbortSignal;
  /** Consecutive requests to one server that deliver nothing before it is given up. @default {5} */
  readonly attempts?: number;
  /**
   * Mean pause before the first retry, in milliseconds; doubled for each further one, up to 30 s.
   *
   * @default {1_000}
   */
  readonly pauseMs?: number;
  /** A connection that delivers nothing for this long is closed, in milliseconds. @default {30_000} */
  readonly stallMs?: number;
}

/** A fault of a server or of the way to it; the local disk fails with a `ModelError`. */
class SourceError extends Error {
  constructor(readonly retriable: boolean, message: string) {
    super(message);
  }
}

const MAX_PAUSE_MS = 30_000;

/** Status codes after which the same request can succeed (RFC 9110). */
const RETRIABLE: ReadonlySet<number> = new Set([408, 416, 425, 429, 500, 502, 503, 504]);

/**
 * Downloads a file of known size and MD5. Resumes what an earlier run left as `<target>.part` with a range
 * request (RFC 9110, section 14). A server without the file, or with other content, is skipped for the next
 * one.
 *
 * @param file The expected file.
 * @param urls Where it is, in the order in which they are tried.
 * @param target Where it goes; its directory exists.
 * @param options Progress, abort and retries.
 * @throws {ModelError} `unavailable`: no server delivered it, with the fault of each, or the disk is full;
 * `denied`; `not_found`: no directory. Or the signal's reason. Then there is nothing at `target`.
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
      await new Source(url, file, part, options).download();
      await part.commit();
      return;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      faults.push(error.message);
      if (faults.length < urls.length) options.onNotice?.(`${error.message}; trying the next server`);
    }
  }
  throw new ModelError(
    "unavailable",
    `Cannot download ${file.name} to ${showUrl(target)}: ${faults.join("; ")}`,
  );
}

/** One server that has the file. */
class Source {
  readonly #url: URL;
  readonly #file: OfficialFile;
  readonly #part: PartFile;
  readonly #options: DownloadOptions;

  constructor(url: URL, file: OfficialFile, part: PartFile, options: DownloadOptions) {
    this.#url = url;
    this.#file = file;
    this.#part = part;
    this.#options = options;
  }

  async download(): Promise<void> {
    const isResumed = this.#part.size > 0;
    await this.#fill();
    const md5 = await this.#part.md5();
    if (md5 === this.#file.md5) return;
    await this.#part.empty();
    const fault = this.#fault(false, `has the MD5 ${md5}; the official file has ${this.#file.md5}`);
    if (!isResumed) throw fault;
    this.#options.onNotice?.(`Resumed from an earlier run, ${fault.message}; downloading it again`);
    await this.download();
  }

  async #fill(): Promise<void> {
    const { attempts = 5, pauseMs = 1_000, signal, onNotice } = this.#options;
    const backoff = new Backoff({ initialMs: pauseMs, maxMs: MAX_PAUSE_MS });
    if (this.#part.size > this.#file.bytes) await this.#part.empty();
    while (this.#part.size < this.#file.bytes) {
      const before = this.#part.size;
      try {
        await this.#request();
      } catch (error) {
        if (!(error instanceof SourceError && error.retriable)) throw error;
        if (this.#part.size > before) backoff.reset();
        if (backoff.attempts + 1 >= attempts) throw error;
        const ms = backoff.next();
        onNotice?.(`${error.message}; retrying in ${Math.ceil(ms / 1000)} s`);
        await sleep(ms, signal);
        signal?.throwIfAborted();
      }
    }
  }

  /** Requests what is missing, and appends it. */
  async #request(): Promise<void> {
    const { signal, stallMs = 30_000 } = this.#options;
    const request = new AbortController();
    const stall = () => request.abort(this.#fault(true, `sent nothing for ${stallMs / 1000} s`));
    const timer = setTimeout(stall, stallMs);
    // Compression on the way would shift the ranges.
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (this.#part.size > 0) headers["range"] = `bytes=${this.#part.size}-`;
    try {
      const signals = [request.signal, ...(signal === undefined ? [] : [signal])];
      const response = await fetch(this.#url, { headers, signal: AbortSignal.any(signals) });
      await this.#check(response);
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        await this.#append(chunk);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#explain(error);
    } finally {
      clearTimeout(timer);
      request.abort(); // Closes the connection of a body that is not read to its end.
    }
    if (this.#part.size === this.#file.bytes) return;
    throw this.#fault(true, `ended after ${this.#part.size} of ${this.#file.bytes} bytes`);
  }

  async #append(chunk: Uint8Array): Promise<void> {
    const { bytes } = this.#file;
    if (this.#part.size + chunk.byteLength > bytes) {
      await this.#part.empty();
      throw this.#fault(false, `has more than the ${bytes} bytes of the official file`);
    }
    await this.#part.append(chunk);
    this.#options.onProgress?.(this.#file, this.#part.size);
  }

  /** Checks where the body starts; a server without ranges sends the file from its beginning. */
  async #check({ status, headers }: Response): Promise<void> {
    if (status === 416) await this.#part.empty();
    if (status !== 200 && status !== 206) throw this.#fault(RETRIABLE.has(status), `answers ${status}`);
    const { bytes } = this.#file;
    const length = Number(headers.get("content-length") ?? bytes);
    if (status === 200 && length !== bytes) {
      throw this.#fault(false, `has ${length} bytes; the official file has ${bytes}`);
    }
    const start = status === 200 ? 0 : Number(/^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1]);
    if (start === this.#part.size) return;
    await this.#part.empty();
    if (status === 206) throw this.#fault(true, "sent another range than requested");
  }

  #fault(retriable: boolean, text: string): SourceError {
    return new SourceError(retriable, `${this.#url.href} ${text}`);
  }

  #explain(error: unknown): unknown {
    const isKnown = error instanceof SourceError || error instanceof ModelError;
    if (isKnown || error instanceof Deno.errors.NotCapable) return error;
    const cause = error instanceof Error ? error.cause : undefined;
    const reason = cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`;
    return this.#fault(true, `cannot be read: ${reason}`);
  }
}
