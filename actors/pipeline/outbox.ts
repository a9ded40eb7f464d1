import { messageOf } from "../../lib/coded_error.ts";
import type { Listener } from "../events.ts";
import { sleep } from "../../lib/sleep.ts";
import type { Settled, Sink } from "../sinks/sink.ts";

/** A result on its way to the sinks. */
export interface Outgoing extends Settled {
  /** Called once, when every sink has stored it. */
  readonly stored: () => void;
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
const MAX_BATCH = 1_000;

/**
 * Takes results to all sinks. One batch at a time goes to all of them at once; what comes meanwhile is the next batch.
 * A sink that fails gets the same batch again, for ever, with growing pauses; the others do not get it twice.
 */
export class Outbox {
  readonly #sinks: readonly Sink[];
  readonly #listener: Listener;
  readonly #stop = new AbortController();
  #pending: Outgoing[] = [];
  #running: Promise<void> | undefined;

  /**
   * @param sinks Where results go; without any, they count as stored at once.
   * @param listener Told of failing sinks.
   */
  constructor(sinks: readonly Sink[], listener: Listener) {
    this.#sinks = sinks;
    this.#listener = listener;
  }

  /** Puts a result in. What bounds it is the coordinator. */
  add(outgoing: Outgoing): void {
    this.#pending.push(outgoing);
    this.#running ??= this.#run();
  }

  /** Gives up on what is not stored yet, and closes the sinks. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  async #run(): Promise<void> {
    // What is settled in the same turn of the event loop shall travel together.
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#pending.splice(0, MAX_BATCH);
      await Promise.all(this.#sinks.map((sink) => this.#store(sink, batch)));
      if (this.#stop.signal.aborted) break;
      for (const { stored } of batch) stored();
    }
    this.#running = undefined;
  }

  async #store(sink: Sink, batch: readonly Settled[]): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      try {
        await sink.write(batch);
        if (pauseMs > FIRST_PAUSE_MS) this.#listener({ type: "sink_recovered", sink: sink.name });
        return;
      } catch (error) {
        const reason = messageOf(error);
        this.#listener({ type: "sink_failing", sink: sink.name, reason, retryInMs: pauseMs });
      }
      await sleep(pauseMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
    }
  }
}
