import { sleep } from "../../../lib/sleep.ts";
import { setImmediate } from "node:timers";
import { BusError } from "../errors.ts";
import type { Database } from "./database.ts";

/** One transaction takes up work until it has this many bytes, or took this long: it blocks the thread. */
const MAX_BYTES = 1_048_576;
const MAX_MS = 10;

const MIN_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;

interface Job {
  readonly work: () => unknown;
  readonly bytes: () => number;
  readonly deadline: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What is known of a piece of work. */
export interface WorkOptions {
  /** About how much it writes; asked after it ran. */
  readonly bytes?: () => number;
  /** Takes it back while it has not begun. */
  readonly signal?: AbortSignal | undefined;
}

/** What a {@linkcode Writer} tells of. */
export interface WriterEvents {
  /** After each transaction. */
  readonly onStored: () => void;
  /** When work had to be refused, with the reason; `null` with the next success. */
  readonly onUnavailable: (reason: string | null) => void;
}

/** Resolves after everything else that is due on this thread had its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Group commit: what is asked for at the same time is stored in one transaction, in the order it was asked for. */
export class Writer {
  readonly #database: Database;
  readonly #busyTimeoutMs: number;
  readonly #events: WriterEvents;
  readonly #queue: Job[] = [];
  #working = false;
  #closed = false;
  #unavailable: string | null = null;
  #pauseMs = 0;
  /** So many jobs are to be run one by one, because they failed together. */
  #alone = 0;

  /**
   * @param database What to write to.
   * @param busyTimeoutMs How long work waits for the locks of others until it is refused as `unavailable`.
   * @param events What to tell, and whom.
   */
  constructor(database: Database, busyTimeoutMs: number, events: WriterEvents) {
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#events = events;
  }

  /** Why work had to be refused; `null` since the last success. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  /**
   * Runs work inside a transaction.
   *
   * @param work Must not await. It is run again when the transaction was rolled back for the sake of other work.
   * @param options What the writer may know of it.
   * @returns What the work returned, once it is stored.
   * @throws What the work throws; `unavailable`, `closed`.
   */
  run<T>(work: () => T, options: WorkOptions = {}): Promise<T> {
    const { bytes = () => 0, signal } = options;
    if (this.#closed) return Promise.reject(closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const deadline = performance.now() + this.#busyTimeoutMs;
    const job: Job = { work, bytes, deadline, resolve: resolve as Job["resolve"], reject };
    this.#queue.push(job);
    if (!this.#working) this.#work();
    return signal ? this.#abortable(promise, job, signal) : promise;
  }

  async #abortable<T>(promise: Promise<T>, job: Job, signal: AbortSignal): Promise<T> {
    const abort = () => {
      const index = this.#queue.indexOf(job);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      job.reject(signal.reason);
    };
    signal.addEventListener("abort", abort);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#queue.length > 0) {
      await turn();
      if (this.#pauseMs > 0) await sleep(this.#pauseMs * (0.5 + Math.random()));
      if (this.#queue.length > 0) this.#storeSome();
    }
    this.#working = false;
  }

  #storeSome(): void {
    const results: unknown[] = [];
    let begun = 0;
    try {
      this.#database.transaction(() => {
        for (const job of this.#take()) {
          begun++;
          results.push(job.work());
        }
      });
    } catch (error) {
      return this.#failed(begun, error);
    }
    this.#alone = Math.max(0, this.#alone - begun);
    this.#succeeded(results);
  }

  *#take(): Generator<Job> {
    const until = performance.now() + MAX_MS;
    const limit = this.#alone > 0 ? 1 : this.#queue.length;
    let bytes = 0;
    for (let index = 0; index < limit; index++) {
      const job = this.#queue[index]!;
      yield job;
      bytes += job.bytes();
      if (bytes >= MAX_BYTES || performance.now() > until) return;
    }
  }

  #succeeded(results: unknown[]): void {
    this.#pauseMs = 0;
    if (this.#unavailable !== null) this.#events.onUnavailable(null);
    this.#unavailable = null;
    const jobs = this.#queue.splice(0, results.length);
    for (const [index, job] of jobs.entries()) job.resolve(results[index]);
    this.#events.onStored();
  }

  #failed(begun: number, error: unknown): void {
    if (begun === 0) return this.#notBegun(error);
    // Which of several jobs was at fault shows when each has a transaction of its own.
    if (begun > 1) this.#alone = begun;
    else {
      this.#alone = Math.max(0, this.#alone - 1);
      this.#queue.shift()!.reject(error);
    }
  }

  #notBegun(error: unknown): void {
    if (!(error instanceof BusError && error.retriable)) {
      for (const job of this.#queue.splice(0)) job.reject(error);
      return;
    }
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, this.#pauseMs * 1.5));
    const late = this.#queue.findIndex(({ deadline }) => deadline > performance.now());
    const refused = this.#queue.splice(0, late < 0 ? this.#queue.length : late);
    if (refused.length === 0) return;
    for (const job of refused) job.reject(error);
    if (this.#unavailable === null) this.#events.onUnavailable(error.message);
    this.#unavailable = error.message;
  }

  /** Refuses everything that has not begun, and everything later, as `closed`. */
  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(closed());
  }
}

function closed(): BusError {
  return new BusError("closed", "The connection to the bus was closed");
}
