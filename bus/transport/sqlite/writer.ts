import { Backoff } from "../../../lib/backoff.ts";
import { sleep } from "../../../lib/sleep.ts";
import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { BusError, isRetriable } from "../errors.ts";
import type { Database } from "./database.ts";

/** A transaction takes on no more work after this many bytes, or this long, because it blocks the thread. */
const MAX_BYTES = 1_048_576;
const MAX_MS = 10;

/** A transaction of another process takes so long, waiting for the disk included; a checkpoint takes longer. */
const INITIAL_BACKOFF_MS = 1;
const MAX_BACKOFF_MS = 16;

/** A transaction that begins so late had to wait for another process. */
const CONTENDED_MS = 0.5;
/** How long others are expected to want the lock after they wanted it once. */
const CONTENTION_MS = 1_000;

interface Job {
  readonly work: () => unknown;
  readonly bytes: () => number;
  readonly deadline: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Hints for a piece of work. */
export interface WorkOptions {
  /** Approximate number of bytes written; called after the work ran. */
  readonly bytes?: () => number;
  /** Withdraws the work if it has not started yet. */
  readonly signal?: AbortSignal | undefined;
}

/** Notifications of a {@linkcode Writer}. */
export interface WriterEvents {
  /** After each transaction; the disk may not have it yet. */
  readonly onStored: () => void;
  /** With a reason when work was refused, with `null` after the next success. */
  readonly onUnavailable: (reason: string | null) => void;
}

/**
 * Group commit: concurrent work shares a transaction, in the order of the calls.
 *
 * While other processes write too, it leaves the file to them for as long as it has had it: SQLite lets nobody queue
 * for its lock, and what is called meanwhile shares the next transaction. Without that, two processes with a thousand small
 * transactions per second each would mostly wait for each other.
 */
export class Writer {
  readonly #database: Database;
  readonly #busyTimeoutMs: number;
  readonly #events: WriterEvents;
  readonly #queue: Job[] = [];
  readonly #backoff = new Backoff({ initialMs: INITIAL_BACKOFF_MS, maxMs: MAX_BACKOFF_MS });
  #working = false;
  #closed = false;
  #unavailable: string | null = null;
  /** What the disk did not take: whatever is written behind that gap would be lost with it, and others must not read it. */
  #broken: BusError | undefined;
  #isLocked = false;
  /** When another process was last seen to write, and when the last transaction ended, by `performance.now()`. */
  #contendedAt = -Infinity;
  #endedAt = -Infinity;
  /** Duration of the last transaction. */
  #tookMs = 0;
  /** This many jobs run in transactions of their own, because they failed together. */
  #alone = 0;

  /**
   * @param database To write to.
   * @param busyTimeoutMs How long work waits for locks of other processes before it is refused as
   * `unavailable`.
   * @param events Called for each event.
   */
  constructor(database: Database, busyTimeoutMs: number, events: WriterEvents) {
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#events = events;
  }

  /** Why work was refused; `null` since the last success. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  /**
   * Runs work inside a transaction.
   *
   * @param work Must not await. It runs again if its transaction was rolled back because of other work.
   * @param options Hints.
   * @returns What the work returned, once it is stored, and on the disk if the database syncs.
   * @throws What the work throws; `unavailable`, `closed`.
   */
  run<T>(work: () => T, options: WorkOptions = {}): Promise<T> {
    const { bytes = () => 0, signal } = options;
    if (this.#closed) return Promise.reject(closed());
    if (this.#broken) return Promise.reject(this.#broken);
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
      await yieldToEventLoop();
      if (this.#isLocked) await this.#backoff.wait();
      else await this.#leaveToOthers();
      if (this.#queue.length > 0) this.#storeSome();
    }
    this.#working = false;
  }

  async #leaveToOthers(): Promise<void> {
    const now = performance.now();
    const pauseMs = this.#endedAt + Math.min(this.#tookMs, MAX_MS) - now;
    if (pauseMs > 0 && now - this.#contendedAt < CONTENTION_MS) await sleep(pauseMs);
  }

  #storeSome(): void {
    const results: unknown[] = [];
    let begun = 0;
    const startedAt = performance.now();
    try {
      this.#database.transaction(() => {
        if (performance.now() - startedAt >= CONTENDED_MS) this.#contendedAt = startedAt;
        for (const job of this.#take()) {
          begun++;
          results.push(job.work());
        }
      });
    } catch (error) {
      return this.#fail(begun, error);
    }
    this.#endedAt = performance.now();
    this.#tookMs = this.#endedAt - startedAt;
    this.#alone = Math.max(0, this.#alone - begun);
    this.#resolve(results);
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

  #resolve(results: unknown[]): void {
    this.#isLocked = false;
    this.#backoff.reset();
    const jobs = this.#queue.splice(0, results.length);
    // Others may read it before the disk has it: a power failure takes what they write in return, too.
    this.#events.onStored();
    const synced = this.#database.sync();
    if (synced === null) this.#settle(jobs, results);
    else void synced.then(() => this.#settle(jobs, results), (error) => this.#break(jobs, error));
  }

  #break(jobs: readonly Job[], error: BusError): void {
    this.#broken ??= error;
    this.#refuse([...jobs, ...this.#queue.splice(0)], error);
  }

  #settle(jobs: readonly Job[], results: readonly unknown[]): void {
    if (this.#unavailable !== null) this.#events.onUnavailable(null);
    this.#unavailable = null;
    for (const [index, job] of jobs.entries()) job.resolve(results[index]);
  }

  #refuse(jobs: readonly Job[], error: BusError): void {
    for (const job of jobs) job.reject(this.#closed ? closed() : error);
    if (jobs.length === 0 || this.#closed) return;
    if (this.#unavailable === null) this.#events.onUnavailable(error.message);
    this.#unavailable = error.message;
  }

  #fail(begun: number, error: unknown): void {
    if (begun === 0) return this.#retryOrRefuse(error);
    // Which of several jobs failed is found out by running each in a transaction of its own.
    if (begun > 1) this.#alone = begun;
    else {
      this.#alone = Math.max(0, this.#alone - 1);
      this.#queue.shift()!.reject(error);
    }
  }

  #retryOrRefuse(error: unknown): void {
    if (!isRetriable(error)) {
      for (const job of this.#queue.splice(0)) job.reject(error);
      return;
    }
    this.#isLocked = true;
    this.#contendedAt = performance.now();
    const inTime = this.#queue.findIndex(({ deadline }) => deadline > performance.now());
    this.#refuse(this.#queue.splice(0, inTime < 0 ? this.#queue.length : inTime), error);
  }

  /** Refuses all work that has not started, and all later work, as `closed`. */
  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(closed());
  }
}

function closed(): BusError {
  return new BusError("closed", "The connection to the bus is closed");
}
