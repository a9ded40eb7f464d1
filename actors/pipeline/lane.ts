import { Flow, type FlowLimits } from "./flow.ts";
import type { Versions } from "../versions/versions.ts";
import type { Subscription } from "../../bus/transport/transport.ts";

/** What a lane works with. */
export interface LaneParts {
  /** The model. */
  readonly versions: Versions;
  /** The topics of this model alone. */
  readonly topics: readonly string[];
  /** How much of all models may be in flight. */
  readonly limits: FlowLimits;
  /** The share of it that this model may use: 0 to 1. */
  readonly share: number;
  /** Where the topics are paused. */
  readonly subscription: Pick<Subscription, "pause" | "resume">;
}

/** The way from a model's topics to its Workers: closed while the model is down or has too much in flight. */
export class Lane {
  /** The model. */
  readonly versions: Versions;
  readonly #parts: LaneParts;
  readonly #flow: Flow;
  #paused = false;

  /** @param parts What it works with. */
  constructor(parts: LaneParts) {
    this.versions = parts.versions;
    this.#parts = parts;
    this.#flow = new Flow(parts.limits);
  }

  /** Number of images in flight. */
  get inFlight(): number {
    return this.#flow.count;
  }

  /** Their size in bytes. */
  get inFlightBytes(): number {
    return this.#flow.bytes;
  }

  /** When the oldest of them was sent, in milliseconds since 1970-01-01 UTC. */
  oldestOf(oldest: ReadonlyMap<string, number>): number | undefined {
    const times = this.#parts.topics.map((topic) => oldest.get(topic)).filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** An image of so many bytes is in flight. */
  enter(bytes: number): void {
    this.#flow.enter(bytes);
    this.update();
  }

  /** An image of so many bytes is no longer in flight. */
  leave(bytes: number): void {
    this.#flow.leave(bytes);
    this.update();
  }

  /** Pauses or resumes its topics. Resumes when half of its share is free again, so that it does not flap. */
  update(): void {
    const { share, subscription, topics } = this.#parts;
    const pause = this.versions.state === "down" || this.#flow.full(this.#paused ? share / 2 : share);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) subscription.pause(topics);
    else subscription.resume(topics);
  }
}
