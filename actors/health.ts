import type { ServiceEvent } from "./events.ts";
import type { ModelStatus } from "./workers/status.ts";

/**
 * Health of a whole service. `degraded`: a model is down, the others are not. `not ready`: no image can be
 * finished, because the bus is unavailable, a sink fails, all models are down, or the service has stopped. The service
 * recovers from both by itself, except when it has stopped.
 */
export type HealthState = "ready" | "degraded" | "not ready";

/** Health of a whole service, and why. */
export interface ServiceHealth {
  /** Whether it can do its work. */
  readonly state: HealthState;
  /** Why it is not `ready`, one human-readable line each; empty when it is. */
  readonly reasons: readonly string[];
  /** Images that ended as dead letters since the start, by the code of their failure. */
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** Derives the health of a service from its events. */
export class Health {
  readonly #failingSinks = new Map<string, string>();
  readonly #deadLetters = new Map<string, number>();

  /** Takes note of an event. */
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
   * @param models Status of the models.
   * @param busFault Why the bus is unavailable; `null` while it is available.
   */
  report(models: readonly ModelStatus[], busFault: string | null): ServiceHealth {
    const severe = [
      ...busFault === null ? [] : [`the bus is unavailable: ${busFault}`],
      ...[...this.#failingSinks].map(([sink, reason]) => `${sink} fails: ${reason}`),
      ...models.every(({ state }) => state === "stopped") ? ["it has stopped"] : [],
    ];
    const down = models.filter(({ state }) => state === "down");
    const isSevere = severe.length > 0 || down.length === models.length;
    return {
      state: isSevere ? "not ready" : down.length > 0 ? "degraded" : "ready",
      reasons: [...severe, ...down.map(({ model, reason }) => `${model} is down: ${reason}`)],
      deadLetters: Object.fromEntries(this.#deadLetters),
    };
  }
}
