import { Flow, type FlowLimits } from "./flow.ts";
import type { Supervisor } from "../workers/supervisor.ts";

/** Whose topics are paused and resumed. */
export interface Pausable {
  /** See `Subscription.pause`. */
  pause(topics: Iterable<string>): void;
  /** See `Subscription.resume`. */
  resume(topics: Iterable<string>): void;
}

/** The way of one model's images from its topics to its actor: it is closed while the model is down or has too many. */
export class Lane {
  /** The model's actor. */
  readonly supervisor: Supervisor;
  /** The topics that are only its own. */
  readonly topics: readonly string[];
  readonly #flow: Flow;
  readonly #share: number;
  readonly #subscription: Pausable;
  #paused = false;

  /**
   * @param supervisor The model's actor.
   * @param topics Its topics.
   * @param limits How much of all models may be in flight.
   * @param share The part of it that this model may use: 0 to 1.
   * @param subscription Whose topics they are.
   */
  constructor(
    supervisor: Supervisor,
    topics: readonly string[],
    limits: FlowLimits,
    share: number,
    subscription: Pausable,
  ) {
    this.supervisor = supervisor;
    this.topics = topics;
    this.#flow = new Flow(limits);
    this.#share = share;
    this.#subscription = subscription;
  }

  /** How many images are in flight. */
  get inFlight(): number {
    return this.#flow.count;
  }

  /** Counts an image in. */
  enter(bytes: number): void {
    this.#flow.enter(bytes);
    this.update();
  }

  /** Counts an image out. */
  leave(bytes: number): void {
    this.#flow.leave(bytes);
    this.update();
  }

  /** Pauses or resumes its topics; half of its share must be free again, so that it does not flutter. */
  update(): void {
    const pause = this.supervisor.state === "down" ||
      this.#flow.full(this.#paused ? this.#share / 2 : this.#share);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#subscription.pause(this.topics);
    else this.#subscription.resume(this.topics);
  }
}
