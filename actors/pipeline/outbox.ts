import { messageOf } from "../../lib/coded_error.ts";
import { waitAtMost } from "../../lib/wait_at_most.ts";
import type { Listener } from "../events.ts";
import type { Observer } from "../observer.ts";
import type { Settled, Sink } from "../sinks/sink.ts";
import type { Flight } from "./flight.ts";
import { retry } from "./retry.ts";

const MAX_BATCH = 1_000;

/**
 * Stores the results of settled flights in all sinks. One batch at a time goes to all of them at once; what
 * is added meanwhile is the next batch. A sink that fails gets the same batch again, for ever, with growing
 * pauses; the others do not get it twice.
 */
export class Outbox {
  readonly #sinks: readonly Sink[];
  readonly #listener: Listener;
  readonly #observer: Observer;
  readonly #stop = new AbortController();
  /** What each sink stores at the moment; it does not reject. */
  readonly #storing = new Map<Sink, Promise<void>>();
  #pending: Flight[] = [];
  #running: Promise<void> | undefined;

  /**
   * @param sinks Without any, results count as stored at once.
   * @param listener Notified of failing sinks.
   * @param observer Notified of each write, and of what all sinks have stored.
   */
  constructor(sinks: readonly Sink[], listener: Listener, observer: Observer = {}) {
    this.#sinks = sinks;
    this.#listener = listener;
    this.#observer = observer;
  }

  /** Adds a settled flight. Bounded by what the coordinator lets be in flight. */
  add(flight: Flight): void {
    this.#pending.push(flight);
    this.#running ??= this.#run();
  }

  /**
   * Abandons what is not stored yet, and closes each sink after its last write.
   *
   * @param maxMs How long to wait for the sinks, in milliseconds; one that still writes then is closed when it has ended.
   */
  async close(maxMs: number): Promise<void> {
    this.#stop.abort();
    await waitAtMost(maxMs, Promise.all(this.#sinks.map((sink) => this.#close(sink))));
  }

  async #close(sink: Sink): Promise<void> {
    await this.#storing.get(sink);
    await (sink.close ? sink.close() : sink[Symbol.asyncDispose]?.());
  }

  async #run(): Promise<void> {
    // What is settled in the same turn of the event loop becomes one batch.
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#stop.signal.aborted) {
      const flights = this.#pending.splice(0, MAX_BATCH);
      const batch = flights.map(({ settled }) => settled!);
      for (const sink of this.#sinks) this.#storing.set(sink, this.#store(sink, batch));
      await Promise.all(this.#storing.values());
      if (this.#stop.signal.aborted) break;
      this.#observer.stored?.(batch);
      for (const flight of flights) flight.stored();
    }
    this.#running = undefined;
  }

  async #store(sink: Sink, batch: readonly Settled[]): Promise<void> {
    const write = () => this.#write(sink, batch);
    const failures = await retry(write, this.#stop.signal, (error, retryInMs) => {
      this.#listener({ type: "sink_failing", sink: sink.name, reason: messageOf(error), retryInMs });
    });
    if (failures) this.#listener({ type: "sink_recovered", sink: sink.name });
  }

  async #write(sink: Sink, batch: readonly Settled[]): Promise<void> {
    const startedAt = performance.now();
    let failed = true;
    try {
      await sink.write(batch);
      failed = false;
    } finally {
      const tookMs = performance.now() - startedAt;
      this.#observer.sinkWrite?.({ sink: sink.name, results: batch.length, tookMs, failed });
    }
  }
}
