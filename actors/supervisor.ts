import type { ModelFiles } from "../models/classifier.ts";
import { Batcher, type BatchLimits } from "./batcher.ts";
import { ActorError } from "./errors.ts";
import type { Job, JobOutcome } from "./job.ts";
import { type RestartLimits, RestartPolicy } from "./restart_policy.ts";
import { sleep } from "./sleep.ts";
import type { BatchOutcome, StartWorker, WorkerHandle, WorkerOptions } from "./worker_handle.ts";

/** State of a model. */
export type ModelState = "starting" | "up" | "restarting" | "down" | "stopped";

/** How a model is run. */
export interface SupervisorOptions {
  /** How many Workers, each on a thread of its own. */
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
 * - A model that keeps dying is `down`: its work waits, and it is tried again with growing pauses.
 */
export class Supervisor {
  /** The model. */
  readonly files: ModelFiles;
  readonly #options: SupervisorOptions;
  readonly #batcher: Batcher<Job>;
  readonly #policy: RestartPolicy;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #workers = new Set<WorkerHandle>();
  #suspects: Suspects[] = [];
  #work = Promise.withResolvers<void>();
  #state: ModelState = "starting";

  /**
   * @param files The model.
   * @param options How it is run.
   */
  constructor(files: ModelFiles, options: SupervisorOptions) {
    this.files = files;
    this.#options = options;
    this.#batcher = new Batcher(options.batch);
    this.#policy = new RestartPolicy(options.restart);
  }

  /** Its state now. */
  get state(): ModelState {
    return this.#state;
  }

  /**
   * Starts all Workers. Resolves when each is ready.
   *
   * @throws {ActorError} When one can't be started: such a model is broken, and starting again would not mend it.
   */
  async start(): Promise<void> {
    const workers = await Promise.all(
      Array.from({ length: this.#options.workers }, () => this.#startWorker()),
    );
    this.#change("up", "ready");
    for (const worker of workers) this.#running.push(this.#keepServing(worker));
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
    await Promise.all(this.#running);
  }

  async #startWorker(): Promise<WorkerHandle> {
    const worker = await this.#options.startWorker(this.files, this.#options.worker);
    this.#workers.add(worker);
    void worker.gone.then(() => this.#workers.delete(worker));
    if (this.#stop.signal.aborted) worker.terminate();
    return worker;
  }

  async #keepServing(first: WorkerHandle): Promise<void> {
    let worker: WorkerHandle | null = first;
    while (worker) {
      const reason = await this.#serve(worker);
      worker.terminate();
      worker = reason ? await this.#replace(reason) : null;
    }
  }

  /** Hands batches to a Worker. Resolves with the reason when it is gone, or with `null` when all is over. */
  async #serve(worker: WorkerHandle): Promise<string | null> {
    let gone: ActorError | undefined;
    void worker.gone.then((error) => {
      gone = error;
      this.#wake();
    });
    while (!this.#stop.signal.aborted) {
      if (gone) return gone.message;
      const batch = this.#take();
      if (batch) await this.#run(worker, batch);
      else await this.#nextWork();
    }
    return null;
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

  async #run(worker: WorkerHandle, batch: Suspects): Promise<void> {
    const startedAt = Date.now();
    try {
      const done = await worker.run(batch.jobs.map((job) => job.image));
      this.#settle(batch.jobs, done, startedAt);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!(error instanceof ActorError)) throw error;
      this.#suspect(batch, error, startedAt);
    }
  }

  #settle(jobs: readonly Job[], { outcomes, tookMs }: BatchOutcome, startedAt: number): void {
    this.#policy.recovered();
    for (const [i, job] of jobs.entries()) job.settle(outcomes[i]!, { startedAt, tookMs });
  }

  #suspect({ jobs, failures }: Suspects, error: ActorError, startedAt: number): void {
    if (jobs.length > 1) {
      const parts = error.code === "worker_failed" ? halves(jobs) : jobs.map((job) => [job]);
      this.#suspects.unshift(...parts.map((part) => ({ jobs: part, failures: 0 })));
    } else if (failures + 1 < MAX_FAILURES_ALONE) {
      this.#suspects.unshift({ jobs, failures: failures + 1 });
    } else {
      jobs[0]!.settle(blame(error), { startedAt, tookMs: Date.now() - startedAt });
    }
    this.#wake();
  }

  async #replace(reason: string): Promise<WorkerHandle | null> {
    for (;;) {
      const { down, pauseMs } = this.#policy.died();
      this.#change(down ? "down" : "restarting", reason);
      await sleep(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return null;
      try {
        const worker = await this.#startWorker();
        this.#change("up", "restarted");
        return worker;
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        reason = error.message;
      }
    }
  }

  #change(state: ModelState, reason: string): void {
    if (this.#state === "stopped") return;
    this.#state = state;
    this.#options.onState(state, reason);
  }
}

function halves(jobs: readonly Job[]): (readonly Job[])[] {
  const middle = jobs.length >> 1;
  return [jobs.slice(0, middle), jobs.slice(middle)];
}

function blame(error: ActorError): JobOutcome {
  const code = error.code === "worker_failed"
    ? "model_error"
    : error.code === "worker_silent"
    ? "model_silent"
    : "model_died";
  return { ok: false, code, message: error.message };
}
