import { ServiceError } from "../errors.ts";
import type { Listener } from "../events.ts";

/** How much a model has to do. */
export interface WorkerLoad {
  /** How many Workers it has. */
  readonly workers: number;
  /** How many of them work on a batch. */
  readonly busy: number;
  /** Whether so much waits that another Worker would get a full batch. */
  readonly fullBatchWaits: boolean;
}

/** A model whose Workers can become more and fewer. */
export interface Scalable {
  /** Its name. */
  readonly model: string;
  /** It never has fewer Workers. */
  readonly least: number;
  /** It never has more. */
  readonly most: number;
  /** How much it has to do now. */
  load(): WorkerLoad;
  /**
   * Starts one Worker more.
   *
   * @throws {ServiceError} When it does not start; the others go on.
   */
  grow(): Promise<void>;
  /** Ends an idle Worker, if there is one. */
  shrink(): void;
}

const INTERVAL_MS = 1_000;
/** A burst that one Worker is done with in a second is not worth another one. */
const SHORT_TICKS = 2;
const IDLE_TICKS = 30;

interface Pressure {
  short: number;
  idle: number;
}

/**
 * Moves threads to the model that has work: one whose Workers are all busy while a full batch waits, for two seconds, gets one
 * more, as long as fewer threads work than there may be; one that had an idle Worker for half a minute gives one back.
 */
export class WorkerScaler {
  readonly #models: ReadonlyMap<Scalable, Pressure>;
  readonly #threads: number;
  readonly #listener: Listener;
  #timer: ReturnType<typeof setInterval> | undefined;
  #growing: Promise<void> | undefined;

  /**
   * @param models Whose Workers it counts.
   * @param threads How many Workers may be at work, of all models together.
   * @param listener Told of each change.
   */
  constructor(models: readonly Scalable[], threads: number, listener: Listener) {
    this.#models = new Map(models.map((model) => [model, { short: 0, idle: 0 }]));
    this.#threads = threads;
    this.#listener = listener;
  }

  /** Looks once a second from now on. */
  start(): void {
    this.#timer = setInterval(
      () => this.#growing ??= this.tick().finally(() => this.#growing = undefined),
      INTERVAL_MS,
    );
  }

  /** Looks no more. Resolves when a Worker that is being started is there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#growing;
  }

  /** Looks once: ends what is idle for long, and starts at most one Worker. */
  async tick(): Promise<void> {
    let busy = 0;
    for (const [model, pressure] of this.#models) {
      const load = model.load();
      busy += load.busy;
      pressure.idle = load.busy < load.workers ? pressure.idle + 1 : 0;
      pressure.short = load.busy === load.workers && load.fullBatchWaits ? pressure.short + 1 : 0;
      if (pressure.idle >= IDLE_TICKS && load.workers > model.least) this.#shrink(model, pressure);
    }
    const neediest = busy < this.#threads ? this.#neediest() : undefined;
    if (neediest) await this.#grow(neediest);
  }

  #neediest(): Scalable | undefined {
    return [...this.#models]
      .filter(([model, { short }]) => short >= SHORT_TICKS && model.load().workers < model.most)
      .toSorted(([, a], [, b]) => b.short - a.short)[0]?.[0];
  }

  #shrink(model: Scalable, pressure: Pressure): void {
    pressure.idle = 0;
    model.shrink();
    this.#tell(model);
  }

  async #grow(model: Scalable): Promise<void> {
    this.#models.get(model)!.short = 0;
    try {
      await model.grow();
      this.#tell(model);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#listener({ type: "worker_missing", model: model.model, reason: error.message });
    }
  }

  #tell(model: Scalable): void {
    this.#listener({ type: "workers_scaled", model: model.model, workers: model.load().workers });
  }
}
