import { ServiceError } from "../errors.ts";
import type { Listener } from "../events.ts";
import type { WorkerRange } from "./worker_count.ts";

/** Load of a model. */
export interface WorkerLoad {
  /** Number of its Workers. */
  readonly workers: number;
  /** Number of them that work on a batch. */
  readonly busy: number;
  /** Whether another Worker would get a full batch at once. */
  readonly fullBatchWaits: boolean;
}

/** A model whose number of Workers can change. */
export interface Scalable extends WorkerRange {
  /** Name of the model. */
  readonly model: string;
  /** Its load now. */
  load(): WorkerLoad;
  /**
   * Starts one more Worker.
   *
   * @throws {ServiceError} When it does not start; the others go on.
   */
  grow(): Promise<void>;
  /** Ends an idle Worker, if there is one. */
  shrink(): void;
}

/** What a scaler works with. */
export interface WorkerScalerParts {
  /** The models it scales. */
  readonly models: readonly Scalable[];
  /** How many Workers of all models together may be busy. */
  readonly threads: number;
  /** Notified of each change. */
  readonly listener: Listener;
}

const INTERVAL_MS = 1_000;
/** A burst that the Workers finish within a second is not worth another one. */
const SHORT_TICKS = 2;
const IDLE_TICKS = 30;

interface Pressure {
  short: number;
  idle: number;
}

/**
 * Moves threads to the models that have work. A model whose Workers are all busy while a full batch waits,
 * for two seconds, gets one more, as long as fewer Workers are busy than may be. A model that had an idle
 * Worker for half a minute loses one.
 */
export class WorkerScaler {
  readonly #models: ReadonlyMap<Scalable, Pressure>;
  readonly #threads: number;
  readonly #listener: Listener;
  #timer: ReturnType<typeof setInterval> | undefined;
  #growing: Promise<void> | undefined;

  /** @param parts What it works with. */
  constructor({ models, threads, listener }: WorkerScalerParts) {
    this.#models = new Map(models.map((model) => [model, { short: 0, idle: 0 }]));
    this.#threads = threads;
    this.#listener = listener;
  }

  /** Scales once per second from now on. */
  start(): void {
    this.#timer = setInterval(
      () => this.#growing ??= this.tick().finally(() => this.#growing = undefined),
      INTERVAL_MS,
    );
  }

  /** Scales no more. Resolves when a Worker that is just starting has started. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#growing;
  }

  /** Scales once: ends Workers that were idle for long, and starts at most one. */
  async tick(): Promise<void> {
    let busy = 0;
    for (const [model, pressure] of this.#models) {
      const load = model.load();
      busy += load.busy;
      pressure.idle = load.busy < load.workers ? pressure.idle + 1 : 0;
      pressure.short = load.busy === load.workers && load.fullBatchWaits ? pressure.short + 1 : 0;
      if (pressure.idle >= IDLE_TICKS && load.workers > model.min) this.#shrink(model, pressure);
    }
    const neediest = busy < this.#threads ? this.#neediest() : undefined;
    if (neediest) await this.#grow(neediest);
  }

  #neediest(): Scalable | undefined {
    return [...this.#models]
      .filter(([model, { short }]) => short >= SHORT_TICKS && model.load().workers < model.max)
      .toSorted(([, a], [, b]) => b.short - a.short)[0]?.[0];
  }

  #shrink(model: Scalable, pressure: Pressure): void {
    pressure.idle = 0;
    model.shrink();
    this.#report(model);
  }

  async #grow(model: Scalable): Promise<void> {
    this.#models.get(model)!.short = 0;
    try {
      await model.grow();
      this.#report(model);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#listener({ type: "worker_missing", model: model.model, reason: error.message });
    }
  }

  #report(model: Scalable): void {
    this.#listener({ type: "workers_scaled", model: model.model, workers: model.load().workers });
  }
}
