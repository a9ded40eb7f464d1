import { basename, dirname, resolve } from "node:path";
import type { Bus, SendOptions } from "../../../bus/bus.ts";
import { readImage } from "../../../bus/image_source.ts";
import type { Result } from "../../../bus/result.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import { abortable } from "../../../lib/abortable.ts";
import { messageOf } from "../../../lib/coded_error.ts";
import { Condition } from "../../../lib/condition.ts";
import { defined } from "../../../lib/defined.ts";
import { explainFileError } from "../../../lib/file_errors.ts";
import { mapConcurrent } from "../../../lib/map_concurrent.ts";
import { labelFor } from "../../../training/datasets/class_mapping.ts";
import { imageSource } from "../../image_file.ts";
import { derivedId, type IdSource } from "./derived_id.ts";
import type { Listed } from "./files.ts";

/** What became of a file. */
export interface Outcome {
  readonly file: string;
  /** Missing if the file could not be read. */
  readonly id?: string;
  /** Whether it was not sent, because it is classified already. */
  readonly isKnown?: true;
  /** Present if it was waited for, and came. */
  readonly result?: Result;
  /** Why the image was not stored, or why there is no result. */
  readonly error?: Fault;
}

/** Why a file has no id or no result. */
export interface Fault {
  /** A code of `BusError`; `not_found`, `denied` or `unavailable` for a file; `interrupted`. */
  readonly code: string;
  readonly message: string;
}

/** How files are sent. */
export interface SenderOptions {
  /** For each of them; `id` and `fileName` only if there is one. */
  readonly request: Omit<SendOptions, "signal"> & { readonly model: string };
  readonly idFrom: IdSource | undefined;
  readonly actualFromFolder: boolean;
  /** Of the model: a folder `ankle-boot` stands for `Ankle boot`. */
  readonly labels: readonly string[];
  /** Whether the image of an id is classified already: it is then not sent. */
  readonly isClassified?: (id: string) => Promise<boolean>;
  /** How long to wait for each result, in milliseconds; `undefined` to not wait. */
  readonly timeoutMs: number | undefined;
  /** Ends sending: what is being stored is still stored, results are no longer waited for. */
  readonly signal: AbortSignal;
}

/** Images that are being stored, or waited for; also bounds the number of open files. */
const MAX_IMAGES = { sending: 64, waiting: 256 };
/** Images in memory; one larger image is sent alone. */
const MAX_BYTES = 2 ** 26;

/** Failures of the bus, which every further file would have too. */
const ENDS_ALL = new Set(["queue_full", "unavailable", "denied", "corrupt", "closed"]);

/** Sends files, a limited number and size at the same time. A file that fails does not affect the others. */
export class Sender {
  readonly #bus: Bus;
  readonly #options: SenderOptions;
  /** Aborts when the bus fails. */
  readonly #failure = new AbortController();
  readonly #released = new Condition();
  /** By id: equal images get equal ids with `--id-from hash`, and a result is waited for only once. */
  readonly #pending = new Map<string, Promise<Result | undefined>>();
  #bytes = 0;

  /**
   * @param bus Where to.
   * @param options How.
   */
  constructor(bus: Bus, options: SenderOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /**
   * Sends files until there are no more, the bus fails, or the signal aborts.
   *
   * @param files Are listed as they are needed.
   * @param onOutcome Is called once per file, in the order of completion; never again once it has thrown.
   * @throws {Deno.errors.NotCapable} If Deno's permissions do not suffice.
   * @throws What `files` and `onOutcome` throw.
   */
  async send(
    files: AsyncIterable<Listed>,
    onOutcome: (outcome: Outcome) => void,
  ): Promise<void> {
    const { waiting, sending } = MAX_IMAGES;
    const max = this.#options.timeoutMs === undefined ? sending : waiting;
    let hasThrown = false;
    await mapConcurrent(this.#untilEnd(files), max, async (file) => {
      try {
        const outcome = await this.#outcomeOf(file);
        if (!hasThrown) onOutcome(outcome);
      } catch (error) {
        hasThrown = true;
        // A list that pauses would keep the error back.
        this.#failure.abort();
        throw error;
      }
    });
  }

  async *#untilEnd(files: AsyncIterable<Listed>): AsyncGenerator<Listed, void, void> {
    const end = AbortSignal.any([this.#options.signal, this.#failure.signal]);
    const iterator = files[Symbol.asyncIterator]();
    while (!end.aborted) {
      // Whoever writes the list may pause for any time.
      const next = await abortable(iterator.next(), end);
      if (next === null || next.done) return;
      yield next.value;
    }
  }

  async #outcomeOf({ file, error }: Listed): Promise<Outcome> {
    let id: string | undefined;
    let bytes = 0;
    try {
      if (error !== undefined) throw error;
      bytes = await this.#acquire(await this.#sizeOf(file));
      const signal = file === "-" ? this.#options.signal : undefined;
      const image = await readImage(imageSource(file), this.#bus.transport.maxMessageBytes, signal);
      id = this.#idOf(file, image);
      if (await this.#options.isClassified?.(id)) return { file, id, isKnown: true };
      return { file, id, ...defined({ result: await this.#once(id, file, image) }) };
    } catch (cause) {
      if (cause instanceof Deno.errors.NotCapable) throw cause;
      if (cause instanceof BusError && ENDS_ALL.has(cause.code)) this.#failure.abort();
      return { file, ...defined({ id }), error: this.#explain(file, id, cause) };
    } finally {
      this.#bytes -= bytes;
      this.#released.notify();
    }
  }

  async #sizeOf(file: string): Promise<number> {
    const { maxMessageBytes } = this.#bus.transport;
    if (file === "-") return maxMessageBytes;
    const { size, isFile, isDirectory } = await Deno.stat(file);
    if (isDirectory) {
      throw new BusError(
        "invalid",
        `Cannot send ${file}: it is a folder; --recursive sends the images in it`,
      );
    }
    if (!isFile) throw new BusError("invalid", `Cannot send ${file}: it is not a regular file`);
    // A larger file is refused without being read.
    return size <= maxMessageBytes ? size : 0;
  }

  async #acquire(bytes: number): Promise<number> {
    while (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) await this.#released.wait();
    this.#bytes += bytes;
    return bytes;
  }

  #idOf(file: string, image: Uint8Array): string {
    const { idFrom, request } = this.#options;
    if (idFrom !== undefined) return derivedId(idFrom, request.model, file, image);
    return request.id ?? crypto.randomUUID();
  }

  async #once(id: string, file: string, image: Uint8Array): Promise<Result | undefined> {
    const same = this.#pending.get(id);
    if (same) return await same;
    const pending = this.#store(id, file, image);
    this.#pending.set(id, pending);
    try {
      return await pending;
    } finally {
      this.#pending.delete(id);
    }
  }

  async #store(id: string, file: string, image: Uint8Array): Promise<Result | undefined> {
    const { request, actualFromFolder, labels, timeoutMs, signal } = this.#options;
    const folder = basename(dirname(resolve(file)));
    const options = {
      ...file !== "-" && { fileName: file },
      ...request,
      ...actualFromFolder && { actual: labelFor(folder, labels) ?? folder },
      id,
    };
    if (timeoutMs !== undefined) return await this.#bus.classify(image, { ...options, timeoutMs, signal });
    await this.#bus.send(image, options);
    return undefined;
  }

  #explain(file: string, id: string | undefined, cause: unknown): Fault {
    if (cause instanceof BusError) {
      const { code, message } = cause;
      return { code, message: message.startsWith(`Cannot send ${file}:`) ? message : `${file}: ${message}` };
    }
    const { aborted } = this.#options.signal;
    if (id === undefined && aborted) {
      return { code: "not_sent", message: `${file}: not sent: interrupted` };
    }
    if (id === undefined) return explainFileError("read", file, cause);
    if (aborted) {
      return { code: "interrupted", message: `${file}: no result yet; ask later: imagebus result ${id}` };
    }
    return { code: "unavailable", message: `${file}: ${messageOf(cause)}` };
  }
}
