import type { ModelFiles } from "../../models/classifier.ts";
import type { BatchLimits } from "./batcher.ts";
import { Condition } from "../../lib/condition.ts";
import { defined } from "../../lib/defined.ts";
import { ServiceError } from "../errors.ts";
import type { ObservedBatch, ObservedModel, Observer } from "../observer.ts";
import type { Job } from "./job.ts";
import { type GivenBatch, Mailbox } from "./mailbox.ts";
import { type RestartLimits, RestartPolicy } from "./restart_policy.ts";
import { sleep } from "../../lib/sleep.ts";
import type { ModelState, VersionStatus, WorkerStatus } from "./status.ts";
import { failureOf, retriesOf, type Suspects } from "./suspects.ts";
import type { BatchOutcome, StartWorker, WorkerHandle, WorkerOptions } from "./worker_handle.ts";
import type { WorkerLoad } from "./worker_scaler.ts";

/** How the Workers of a model are run. */
export interface SupervisorOptions {
  /** How many Workers it starts with, each on a thread of its own. */
  readonly workers: number;
  /** When a batch is full. */
  readonly batch: BatchLimits;
  /** How often the Workers may die. */
  readonly restart: RestartLimits;
  /** How each Worker is started. */
  readonly worker: WorkerOptions;
  /** Starts a Worker. */
  readonly startWorker: StartWorker;
  /** Called with each change of state, and why. Must not throw. */
  readonly onState: (state: ModelState, reason: string) => void;
  /** Called when a Worker that exceeds its memory limit, or the time for an image, is replaced, and why. Must not throw. */
  readonly onReplaced?: (reason: string) => void;
  /** Notified of each batch. */
  readonly observer?: Observer;
}

/** Status of a Worker, kept up to date. */
type WorkerRecord = { -readonly [K in keyof WorkerStatus]: WorkerStatus[K] };

/** Why a Worker gets no more batches. */
interface End {
  readonly reason: string;
  /** Whether it counts towards `down`: it died, or hung. */
  readonly isDeath: boolean;
}

/** A batch that a Worker has. */
interface Running extends GivenBatch {
  /** Settles its images, unless it failed; absent while it is computed. */
  settle?: () => void;
}

/**
 * One model: its mailbox and its Workers.
 *
 * - A Worker that throws is kept; its batch is halved until the culprit is alone.
 * - A Worker that dies or misses its deadline is replaced. An image on which it hung is retried alone; where it is
 *   not known, the images of its batch are retried one by one, because each death costs a restart, and halving would
 *   cost six of them to find one image in 64.
 * - An image that fails twice alone is settled as a failure. The others are not affected.
 * - A Worker that exceeds its memory limit is replaced after the batches that it has, and one that takes too long for an image at
 *   once; that image is refused. Neither counts towards `down`: the first is sound, the second was given a bad image.
 * - An idle Worker that is no longer needed is ended, and removed from the status.
 * - A model that keeps dying is `down`: its work waits, and it is started again after growing pauses.
 */
export class Supervisor {
  /** The model. */
  readonly files: ModelFiles;
  /** Images that it has finished, and those that could not be classified. */
  readonly tally: { images: number; failures: number } = { images: 0, failures: 0 };
  readonly #options: SupervisorOptions;
  readonly #mailbox: Mailbox;
  readonly #policy: RestartPolicy;
  readonly #stop = new AbortController();
  readonly #records: WorkerRecord[];
  readonly #workers = new Set<WorkerHandle>();
  readonly #serving = new Set<Promise<void>>();
  /** Those that end as soon as they have finished their batch. */
  readonly #retiring = new Set<WorkerRecord>();
  /** Notified when an idle Worker has to look again: for work, its end, or the stop. */
  readonly #changed = new Condition();
  #isRetired = false;
  #state: Pick<VersionStatus, "state" | "since" | "reason" | "nextTryAt"> = entered("starting", "starting");

  /**
   * @param files The model.
   * @param options How its Workers are run.
   */
  constructor(files: ModelFiles, options: SupervisorOptions) {
    this.files = files;
    this.#options = options;
    this.#mailbox = new Mailbox(options.batch);
    this.#policy = new RestartPolicy(options.restart);
    this.#records = Array.from({ length: options.workers }, newRecord);
  }

  /** Version of the model. */
  get version(): string {
    return this.files.manifest.version;
  }

  /** State of the model. */
  get state(): ModelState {
    return this.#state.state;
  }

  /** Status of the model and its Workers. */
  status(): VersionStatus {
    return {
      version: this.version,
      ...this.#state,
      workers: this.#records.map((record) => ({ ...record })),
    };
  }

  /** Its load now. */
  load(): WorkerLoad {
    return {
      workers: this.#records.length,
      busy: this.#records.filter(({ state }) => state === "busy").length,
      fullBatchWaits: this.#mailbox.isFull,
    };
  }

  /**
   * Starts all Workers. Resolves when each is ready.
   *
   * @throws {ServiceError} When one does not start: such a model is broken, and another attempt would fail,
   * too.
   */
  async start(): Promise<void> {
    const workers = await Promise.all(this.#records.map((record) => this.#startWorker(record)));
    this.#change("up", "ready");
    for (const [i, worker] of workers.entries()) this.#employ(worker, this.#records[i]!);
  }

  /**
   * Starts one more Worker. Resolves when it is ready.
   *
   * @throws {ServiceError} When it does not start; the others go on.
   */
  async grow(): Promise<void> {
    const record = newRecord();
    this.#records.push(record);
    try {
      this.#employ(await this.#startWorker(record), record);
    } catch (error) {
      this.#forget(record);
      throw error;
    }
  }

  /** Ends the idle Worker that was started last, if any is idle. */
  shrink(): void {
    const idle = this.#records.findLast(({ state }) => state === "idle");
    if (idle === undefined) return;
    this.#forget(idle);
    // Race: it may be about to take a batch. So it is not terminated here: its own loop ends it, between two
    // batches.
    this.#retiring.add(idle);
    this.#changed.notify();
  }

  /** Adds an image to the mailbox. Bounded by what the coordinator lets be in flight. */
  submit(job: Job): void {
    this.#mailbox.add(job);
    // Under load images come while all Workers are busy: nobody has to look before a batch is full.
    if (this.#mailbox.isFull || this.#hasIdle()) this.#changed.notify();
  }

  /**
   * Ends it without losing an image: what no Worker has begun goes to the successor at once, and when the batches
   * that are being computed have ended, what failed of them.
   *
   * @param successor Gets the images.
   */
  async retire(successor: Pick<Supervisor, "submit">): Promise<void> {
    this.#isRetired = true;
    this.#handOver(successor);
    while (this.load().busy > 0) await this.#changed.wait();
    await this.stop();
    this.#handOver(successor);
  }

  #handOver(successor: Pick<Supervisor, "submit">): void {
    for (const job of this.#mailbox.takeAll()) successor.submit(job);
  }

  /** Ends all Workers at once. Images that are not settled by then never are. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#change("stopped", "stopped");
    for (const worker of this.#workers) worker.terminate();
    this.#changed.notify();
    await Promise.all(this.#serving);
  }

  #employ(worker: WorkerHandle, record: WorkerRecord): void {
    const serving = this.#keepServing(worker, record).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  #forget(record: WorkerRecord): void {
    this.#records.splice(this.#records.indexOf(record), 1);
  }

  async #startWorker(record: WorkerRecord): Promise<WorkerHandle> {
    record.state = "starting";
    const worker = await this.#options.startWorker(this.files, this.#options.worker);
    this.#workers.add(worker);
    void worker.gone.then(() => this.#workers.delete(worker));
    // Race: a stop while it was starting did not see it.
    if (this.#stop.signal.aborted) worker.terminate();
    record.state = "idle";
    record.memoryBytes = worker.memoryBytes ?? null;
    return worker;
  }

  async #keepServing(first: WorkerHandle, record: WorkerRecord): Promise<void> {
    for (let worker: WorkerHandle | null = first; worker;) {
      const end = await this.#serve(worker, record);
      // It is idle or gone: its last batch is settled or suspected. It ends before its successor starts, or
      // both would take memory; and a late reply of it reaches nobody, because each WorkerHandle has a thread
      // of its own.
      worker.terminate();
      worker = end &&
        await (end.isDeath ? this.#restart(end.reason, record) : this.#replace(end.reason, record));
    }
    record.state = "stopped";
  }

  /**
   * Gives batches to a Worker until it is gone, too large (the reason), or no longer needed (`null`). A batch is settled
   * when the Worker has the next one, so that it does not wait for that.
   */
  async #serve(worker: WorkerHandle, record: WorkerRecord): Promise<End | null> {
    let gone: ServiceError | undefined;
    void worker.gone.then((error) => {
      gone = error;
      this.#changed.notify();
    });
    const running: Running[] = [];
    for (;;) {
      const settle = running[0]?.settle;
      if (settle) running.shift();
      const end = this.#endOf(worker, record, gone);
      if (end === undefined) this.#give(worker, record, running);
      else if (running.length === 0) {
        settle?.();
        this.#retiring.delete(record);
        return end;
      }
      if (settle) settle();
      else await this.#untilChanged(running.length === 0);
    }
  }

  /** Why it gets no more batches; `undefined` while it does. */
  #endOf(
    worker: WorkerHandle,
    record: WorkerRecord,
    gone: ServiceError | undefined,
  ): End | null | undefined {
    if (this.#stop.signal.aborted || this.#retiring.has(record)) return null;
    if (gone) return { reason: gone.message, isDeath: gone.code !== "decode_timeout" };
    const excess = this.#excess(worker);
    return excess === null ? undefined : { reason: excess, isDeath: false };
  }

  #excess({ memoryBytes = 0 }: WorkerHandle): string | null {
    const { maxMemoryBytes } = this.#options.worker;
    if (memoryBytes <= maxMemoryBytes) return null;
    const [has, limit] = [memoryBytes, maxMemoryBytes].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
    return `it uses ${has} of memory; the limit is ${limit}`;
  }

  /** What the mailbox has for it. Nothing waits in a Worker while another one is idle. */
  #give(worker: WorkerHandle, record: WorkerRecord, running: Running[]): void {
    while (!this.#isRetired && (running.length === 0 || !this.#hasIdle(record))) {
      const next = this.#mailbox.take(running);
      if (next === null) return;
      this.#run(worker, next, record, running);
    }
  }

  #hasIdle(except?: WorkerRecord): boolean {
    return this.#records.some((record) => record.state === "idle" && record !== except);
  }

  /** Resolves when a batch has ended, or when there may be another one, or a reason to end. */
  async #untilChanged(isIdle: boolean): Promise<void> {
    const dueIn = isIdle ? this.#mailbox.dueIn() : Infinity;
    const timer = dueIn === Infinity ? undefined : setTimeout(() => this.#changed.notify(), dueIn);
    await this.#changed.wait();
    clearTimeout(timer);
  }

  #run(worker: WorkerHandle, own: Running, record: WorkerRecord, running: Running[]): void {
    const { length } = own.batch.jobs;
    running.push(own);
    record.state = "busy";
    record.inFlight += length;
    void this.#compute(worker, own, record, running).then((settle) => {
      own.settle = settle;
      record.inFlight -= length;
      if (record.inFlight === 0) record.state = "idle";
      record.memoryBytes = worker.memoryBytes ?? null;
      this.#changed.notify();
    });
  }

  /** @returns Settles the images of the batch; does nothing if it failed. */
  async #compute(
    worker: WorkerHandle,
    own: Running,
    record: WorkerRecord,
    running: readonly Running[],
  ): Promise<() => void> {
    const { jobs } = own.batch;
    const givenAt = Date.now();
    try {
      const done = await worker.run(jobs.map((job) => job.image));
      // It may have waited in the Worker for the batch before.
      const startedAt = Math.max(givenAt, Date.now() - Math.round(done.tookMs));
      return () => this.#settle(jobs, done, startedAt, record);
    } catch (error) {
      // A stop terminated it: the images are not to blame.
      if (this.#stop.signal.aborted) return () => {};
      if (!(error instanceof ServiceError)) throw error;
      // What waited behind another batch is not to blame either; both reject at once, so the other still is first.
      if (error.code !== "worker_failed" && running[0] !== own) this.#mailbox.putBack(own.batch);
      else this.#suspect(own.batch, error, worker.decoding ?? null, givenAt, record);
      return () => {};
    }
  }

  #settle(
    jobs: readonly Job[],
    { outcomes, tones, tookMs }: BatchOutcome,
    startedAt: number,
    record: WorkerRecord,
  ): void {
    this.#policy.recovered();
    this.#mailbox.took(jobs.length, tookMs);
    this.#count(record, jobs.length, outcomes.filter(({ ok }) => !ok).length);
    this.#observe({ images: jobs, startedAt, tookMs, error: null, ...defined({ tones }) });
    const timing = { version: this.version, startedAt, tookMs };
    for (const [i, job] of jobs.entries()) job.settle(outcomes[i]!, timing);
  }

  #count(record: WorkerRecord, images: number, failures: number): void {
    for (const counts of [record, this.tally]) {
      counts.images += images;
      counts.failures += failures;
    }
  }

  #suspect(
    batch: Suspects,
    error: ServiceError,
    culprit: number | null,
    startedAt: number,
    record: WorkerRecord,
  ): void {
    const { jobs } = batch;
    const timing = { version: this.version, startedAt, tookMs: Date.now() - startedAt };
    this.#observe({ images: jobs, startedAt, tookMs: timing.tookMs, error: error.message });
    const retried = retriesOf(batch, error, culprit);
    this.#mailbox.retry(retried);
    const left = new Set(retried.flatMap((part) => part.jobs));
    for (const job of jobs.filter((job) => !left.has(job))) {
      this.#count(record, 1, 1);
      job.settle(failureOf(error.code === "worker_died" ? batch.thrown ?? error : error), timing);
    }
    this.#changed.notify();
  }

  #observe(batch: Omit<ObservedBatch, keyof ObservedModel>): void {
    const { name: model, version } = this.files.manifest;
    this.#options.observer?.batch?.({ model, version, ...batch });
  }

  async #replace(reason: string, record: WorkerRecord): Promise<WorkerHandle | null> {
    this.#options.onReplaced?.(reason);
    record.replacements++;
    try {
      return await this.#startWorker(record);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return await this.#restart(error.message, record);
    }
  }

  async #restart(reason: string, record: WorkerRecord): Promise<WorkerHandle | null> {
    for (;;) {
      const { down, pauseMs } = this.#policy.died();
      record.state = "restarting";
      this.#change(down ? "down" : "restarting", reason, pauseMs);
      await sleep(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return null;
      record.restarts++;
      try {
        const worker = await this.#startWorker(record);
        this.#change("up", "restarted");
        return worker;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        reason = error.message;
      }
    }
  }

  #change(state: ModelState, reason: string, pauseMs?: number): void {
    if (this.state === "stopped") return;
    this.#state = entered(state, reason, pauseMs);
    this.#options.onState(state, reason);
  }
}

function entered(state: ModelState, reason: string, pauseMs?: number) {
  const now = Date.now();
  const nextTryAt = pauseMs === undefined ? null : new Date(now + pauseMs).toISOString();
  return { state, since: new Date(now).toISOString(), reason, nextTryAt };
}

function newRecord(): WorkerRecord {
  return {
    state: "starting",
    restarts: 0,
    replacements: 0,
    images: 0,
    failures: 0,
    inFlight: 0,
    memoryBytes: null,
  };
}
