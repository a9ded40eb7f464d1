import type { ServiceEvent } from "./events.ts";
import type { ModelStatus } from "./workers/status.ts";

/**
 * How a service is as a whole. `degraded`: a model is down, the others are not. `not ready`: no image can be finished, because
 * the bus is away, a sink fails, or the service has stopped. Both come to an end by themselves, except a stop.
 */
export type HealthState = "ready" | "degraded" | "not ready";

/** How a service is as a whole, and why. */
export interface ServiceHealth {
  /** Its state. */
  readonly state: HealthState;
  /** Why it is not `ready`, each a line for people; empty when it is. */
  readonly reasons: readonly string[];
  /** Images that ended as dead letters since the start, by the code of their failure. */
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** Draws the health of a service from what happens in it. */
export class Health {
  readonly #failingSinks = new Map<string, string>();
  readonly #deadLetters = new Map<string, number>();

  /** Notes what has happened. */
  note(event: ServiceEvent): void {
    if (event.type === "sink_failing") this.#failingSinks.set(event.sink, event.reason);
    if (event.type === "sink_recovered") this.#failingSinks.delete(event.sink);
    if (event.type === "dead_letter") {
      this.#deadLetters.set(event.code, (this.#deadLetters.get(event.code) ?? 0) + 1);
    }
  }

  /**
   * The health now.
   *
   * @param models The models as they are.
   * @param busAway Why the bus is away; `null` while it is not.
   */
  report(models: readonly ModelStatus[], busAway: string | null): ServiceHealth {
    const severe = [
      ...busAway === null ? [] : [`the bus is away: ${busAway}`],
      ...[...this.#failingSinks].map(([sink, reason]) => `${sink} fails: ${reason}`),
      ...models.every(({ state }) => state === "stopped") ? ["it has stopped"] : [],
    ];
    const mild = models.filter(({ state }) => state === "down").map(({ model, reason }) =>
      `${model} is down: ${reason}`
    );
    return {
      state: severe.length > 0 ? "not ready" : mild.length > 0 ? "degraded" : "ready",
      reasons: [...severe, ...mild],
      deadLetters: Object.fromEntries(this.#deadLetters),
    };
  }
}
