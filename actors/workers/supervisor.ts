import type { ModelFiles } from "../../models/classifier.ts";
import { Batcher, type BatchLimits } from "./batcher.ts";
import { ServiceError } from "../errors.ts";
import type { Job, JobOutcome } from "./job.ts";
import { type RestartLimits, RestartPolicy } from "./restart_policy.ts";
import { sleep } from "../../lib/sleep.ts";
import type { ModelState, ModelStatus, WorkerStatus } from "./status.ts";
import type { BatchOutcome, StartWorker, WorkerHandle, WorkerOptions } from "./worker_handle.ts";
import type { WorkerLoad } from "./worker_scaler.ts";

/** How a model is run. */
export interface SupervisorOptions {
  /** How many Workers it begins with, each on a thread of its own. */
  readonly workers: number;
  /** When a batch is full. */
  readonly batch: BatchLimits;
  /** How often a Worker may die. */
  readonly restart: RestartLimits;
  /** How each Worker is started. */
  readonly worker: WorkerOptions;
  /** Starts a Worker. */
  readonly startWorker: StartWorker;
  /** Called with each change of state, and why. Must not throw. */
  readonly onState: (state: ModelState, reason: string) => void;
  /** Called when a Worker that has grown too large makes way for another one. Must not throw. */
  readonly onReplaced?: (reason: string) => void;
}

/** What is known of a Worker, kept up to date. */
type WorkerRecord = { -readonly [K in keyof WorkerStatus]: WorkerStatus[K] };

/** Why a Worker is no longer served. */
interface End {
  readonly reason: string;
  /** Whether it did nothing wrong but grow. */
  readonly grown: boolean;
}

/** Work that is taken up again after its batch failed: smaller each time, down to the one image that is to blame. */
interface Suspects {
  readonly jobs: readonly Job[];
  /** How often it failed alone. */
  readonly failures: number;
}

/** An image that fails this often alone is given up on. */
const MAX_FAILURES_ALONE = 2;

/**
 * One model: its mailbox and its Workers.
 *
 * - A Worker that throws is kept; its batch is halved until the culprit is alone.
 * - A Worker that dies or is silent is replaced; its batch is taken up again one by one, because each death costs a restart
 *   and halving would cost six of them to find one image in 64.
 * - An image that fails twice alone is settled as a failure. The others never notice.
 * - A Worker that has grown past its bound is replaced between batches. That is no death: it does not count towards `down`.
 * - An idle Worker that is no longer needed is ended; what it had done is no longer in the status.
 * - A model that keeps dying is `down`: its work waits, and it is tried again with growing pauses.
 */
export class Supervisor {
  /** The model. */
  readonly files: ModelFiles;
  readonly #options: SupervisorOptions;
  readonly #batcher: Batcher<Job>;
  readonly #policy: RestartPolicy;
  readonly #stop = new AbortController();
  readonly #running = new Map<WorkerRecord, Promise<void>>();
  readonly #retiring = new Set<WorkerRecord>();
  readonly #records: WorkerRecord[];
  readonly #workers = new Set<WorkerHandle>();
  #suspects: Suspects[] = [];
  #work = Promise.withResolvers<void>();
  #state: Pick<ModelStatus, "state" | "since" | "reason" | "nextTryAt"> = entered("starting", "starting");

  /**
   * @param files The model.
   * @param options How it is run.
   */
  constructor(files: ModelFiles, options: SupervisorOptions) {
    this.files = files;
    this.#options = options;
    this.#batcher = new Batcher(options.batch);
    this.#policy = new RestartPolicy(options.restart);
    this.#records = Array.from({ length: options.workers }, newRecord);
  }

  /** Its state now. */
  get state(): ModelState {
    return this.#state.state;
  }

  /** How it and its Workers are; what is in flight is known by whoever submits. */
  status(): Omit<ModelStatus, "inFlight"> {
    const { name, version } = this.files.manifest;
    return {
      model: name,
      version,
      ...this.#state,
      workers: this.#records.map((record) => ({ ...record })),
    };
  }

  /** How much it has to do now. */
  load(): WorkerLoad {
    return {
      workers: this.#records.length,
      busy: this.#records.filter(({ state }) => state === "busy").length,
      fullBatchWaits: this.#batcher.size >= this.#options.batch.maxBatch,
    };
  }

  /**
   * Starts all Workers. Resolves when each is ready.
   *
   * @throws {ServiceError} When one can't be started: such a model is broken, and starting again would not mend it.
   */
  async start(): Promise<void> {
    const workers = await Promise.all(this.#records.map((record) => this.#startWorker(record)));
    this.#change("up", "ready");
    for (const [i, worker] of workers.entries()) this.#employ(worker, this.#records[i]!);
  }

  /**
   * Starts one Worker more. Resolves when it is ready.
   *
   * @throws {ServiceError} When it can't be started; the others go on.
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

  /** Ends the idle Worker that was started last; does nothing where none is idle. */
  shrink(): void {
    const idle = this.#records.findLast(({ state }) => state === "idle");
    if (idle === undefined) return;
    this.#forget(idle);
    this.#retiring.add(idle);
    this.#wake();
  }

  /** Puts work into the mailbox. What bounds it is the coordinator. */
  submit(job: Job): void {
    this.#batcher.add(job);
    this.#wake();
  }

  /** Ends all Workers at once. Work that is not settled by then never is. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#change("stopped", "stopped");
    for (const worker of this.#workers) worker.terminate();
    await Promise.all(this.#running.values());
  }

  #employ(worker: WorkerHandle, record: WorkerRecord): void {
    const running = this.#keepServing(worker, record).finally(() => this.#running.delete(record));
    this.#running.set(record, running);
  }

  #forget(record: WorkerRecord): void {
    this.#records.splice(this.#records.indexOf(record), 1);
  }

  async #startWorker(record: WorkerRecord): Promise<WorkerHandle> {
    record.state = "starting";
    const worker = await this.#options.startWorker(this.files, this.#options.worker);
    this.#workers.add(worker);
    void worker.gone.then(() => this.#workers.delete(worker));
    if (this.#stop.signal.aborted) worker.terminate();
    record.state = "idle";
    record.memoryBytes = worker.memoryBytes ?? null;
    return worker;
  }

  async #keepServing(first: WorkerHandle, record: WorkerRecord): Promise<void> {
    for (let worker: WorkerHandle | null = first; worker;) {
      const end = await this.#serve(worker, record);
      worker.terminate();
      worker = end &&
        await (end.grown ? this.#replace(end.reason, record) : this.#restart(end.reason, record));
    }
    record.state = "stopped";
  }

  /** Hands batches to a Worker. Resolves with the reason when it is gone or too large, or with `null` when all is over. */
  async #serve(worker: WorkerHandle, record: WorkerRecord): Promise<End | null> {
    let gone: ServiceError | undefined;
    void worker.gone.then((error) => {
      gone = error;
      this.#wake();
    });
    while (!this.#stop.signal.aborted && !this.#retiring.delete(record)) {
      if (gone) return { reason: gone.message, grown: false };
      const grown = this.#grown(worker);
      if (grown !== null) return { reason: grown, grown: true };
      const batch = this.#take();
      if (batch) await this.#run(worker, batch, record);
      else await this.#nextWork();
    }
    return null;
  }

  #grown({ memoryBytes = 0 }: WorkerHandle): string | null {
    const { maxMemoryBytes } = this.#options.worker;
    if (memoryBytes <= maxMemoryBytes) return null;
    const [has, may] = [memoryBytes, maxMemoryBytes].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
    return `its memory has grown to ${has}: ${may} are allowed`;
  }

  #take(): Suspects | null {
    const suspects = this.#suspects.shift();
    if (suspects) return suspects;
    return this.#batcher.dueIn() === 0 ? { jobs: this.#batcher.take(), failures: 0 } : null;
  }

  async #nextWork(): Promise<void> {
    const dueIn = this.#batcher.dueIn();
    const timer = dueIn === Infinity ? undefined : setTimeout(() => this.#wake(), dueIn);
    await this.#work.promise;
    clearTimeout(timer);
  }

  #wake(): void {
    this.#work.resolve();
    this.#work = Promise.withResolvers();
  }

  async #run(worker: WorkerHandle, batch: Suspects, record: WorkerRecord): Promise<void> {
    const startedAt = Date.now();
    record.state = "busy";
    record.inFlight = batch.jobs.length;
    try {
      const done = await worker.run(batch.jobs.map((job) => job.image));
      this.#settle(batch.jobs, done, startedAt, record);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!(error instanceof ServiceError)) throw error;
      this.#suspect(batch, error, startedAt, record);
    } finally {
      record.state = "idle";
      record.inFlight = 0;
      record.memoryBytes = worker.memoryBytes ?? null;
    }
  }

  #settle(
    jobs: readonly Job[],
    { outcomes, tookMs }: BatchOutcome,
    startedAt: number,
    record: WorkerRecord,
  ): void {
    this.#policy.recovered();
    record.images += jobs.length;
    record.failures += outcomes.filter(({ ok }) => !ok).length;
    for (const [i, job] of jobs.entries()) job.settle(outcomes[i]!, { startedAt, tookMs });
  }

  #suspect({ jobs, failures }: Suspects, error: ServiceError, startedAt: number, record: WorkerRecord): void {
    if (jobs.length > 1) {
      const parts = error.code === "worker_failed" ? halves(jobs) : jobs.map((job) => [job]);
      this.#suspects.unshift(...parts.map((part) => ({ jobs: part, failures: 0 })));
    } else if (failures + 1 < MAX_FAILURES_ALONE) {
      this.#suspects.unshift({ jobs, failures: failures + 1 });
    } else {
      record.images++;
      record.failures++;
      jobs[0]!.settle(blame(error), { startedAt, tookMs: Date.now() - startedAt });
    }
    this.#wake();
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

function halves(jobs: readonly Job[]): (readonly Job[])[] {
  const middle = jobs.length >> 1;
  return [jobs.slice(0, middle), jobs.slice(middle)];
}

function blame(error: ServiceError): JobOutcome {
  const code = error.code === "worker_failed"
    ? "model_error"
    : error.code === "worker_silent"
    ? "model_silent"
    : "model_died";
  return { ok: false, code, message: error.message };
}
