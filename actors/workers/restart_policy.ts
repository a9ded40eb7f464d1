/** How often the Workers of a model may die, and how long to wait before the next one is started. */
export interface RestartLimits {
  /** Deaths within `periodMs` after which the model is `down`. */
  readonly maxRestarts: number;
  /** The period, in milliseconds. */
  readonly periodMs: number;
  /** Pause before the second restart, in milliseconds; doubled for each further one. The first has none. */
  readonly pauseMs: number;
  /** Pause of a model that is down, in milliseconds; doubled each time up to 32-fold. */
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
 * Restart intensity as in the supervisors of Erlang/OTP (`intensity`, `period`), with growing, jittered
 * pauses, and a way back: a model that is down is started again.
 */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #deaths: number[] = [];
  #downs = 0;

  /** @param limits How often the Workers may die. */
  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  /** A Worker has died. */
  died(now: number = performance.now()): Verdict {
    const { maxRestarts, periodMs, pauseMs, downPauseMs } = this.#limits;
    this.#deaths = [...this.#deaths.filter((time) => now - time < periodMs), now];
    const count = this.#deaths.length;
    if (count < maxRestarts) return { down: false, pauseMs: count === 1 ? 0 : pause(pauseMs, count - 2) };
    return { down: true, pauseMs: pause(downPauseMs, Math.min(this.#downs++, 5)) };
  }

  /** A batch was classified: earlier deaths do not count any more. */
  recovered(): void {
    this.#deaths = [];
    this.#downs = 0;
  }
}

/**
 * Never longer than the limits: not a `Backoff`, whose jitter exceeds its mean. Half of it is random, so that
 * many Workers do not start at the same moment.
 */
function pause(initialMs: number, doublings: number): number {
  return initialMs * 2 ** doublings * (0.5 + Math.random() / 2);
}
