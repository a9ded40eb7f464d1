/** How often a Worker may die, and how long to wait before the next try. */
export interface RestartLimits {
  /** Deaths within `periodMs` after which the model is given up on for a while: `down`. @default {5} */
  readonly maxRestarts: number;
  /** The period, in milliseconds. @default {30_000} */
  readonly periodMs: number;
  /** The pause before the second restart, in milliseconds; doubled for each further one. The first has none. @default {50} */
  readonly pauseMs: number;
  /** The pause of a model that is down, in milliseconds; doubled each time up to 32-fold. @default {10_000} */
  readonly downPauseMs: number;
}

/** What to do after a death. */
export interface Verdict {
  /** Whether the model is down now. */
  readonly down: boolean;
  /** How long to wait before the next Worker is started, in milliseconds. */
  readonly pauseMs: number;
}

/**
 * Restart intensity as Erlang/OTP's supervisors have it (`intensity`, `period`), with growing, jittered pauses, and a way
 * back: a model that is down is tried again.
 */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #deaths: number[] = [];
  #downs = 0;

  /** @param limits How often a Worker may die. */
  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  /** Notes a death and says what to do. */
  died(now: number = performance.now()): Verdict {
    const { maxRestarts, periodMs, pauseMs, downPauseMs } = this.#limits;
    this.#deaths = [...this.#deaths.filter((time) => now - time < periodMs), now];
    const count = this.#deaths.length;
    if (count < maxRestarts) return { down: false, pauseMs: count === 1 ? 0 : pause(pauseMs, count - 2) };
    return { down: true, pauseMs: pause(downPauseMs, Math.min(this.#downs++, 5)) };
  }

  /** Notes that the model did its work after a death: what died before says nothing about the model any more. */
  recovered(): void {
    this.#deaths = [];
    this.#downs = 0;
  }
}

/** Half of it is random, so that many Workers do not come back at the same moment. */
function pause(firstMs: number, doublings: number): number {
  return firstMs * 2 ** doublings * (0.5 + Math.random() / 2);
}
