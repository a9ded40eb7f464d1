import { type Comparison, encodeComparison } from "../../bus/comparison.ts";
import { COMPARISONS_TOPIC } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { messageOf } from "../../lib/coded_error.ts";
import type { Listener } from "../events.ts";
import type { Sink } from "../sinks/sink.ts";

/** Each time costs the thread a write to the disk, and whoever asks then waits for it: seldom enough not to show in 1 % of them. */
const INTERVAL_MS = 5_000;
/** So many are stored without waiting for the time. */
const BATCH = 2_048;
const MAX_WAITING = 4_096;

/**
 * Stores comparisons on their topic, and in the sinks that keep them: once per 5 s, more often if there are many, and without retries.
 * What cannot be stored is dropped.
 */
export class Comparisons {
  readonly #transport: Transport;
  readonly #sinks: readonly Sink[];
  readonly #listener: Listener;
  #waiting: Comparison[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #storing: Promise<void> = Promise.resolve();
  #hasTopic = false;

  /**
   * @param transport The bus.
   * @param sinks Of the service.
   * @param listener Notified when comparisons are dropped.
   */
  constructor(transport: Transport, sinks: readonly Sink[], listener: Listener) {
    this.#transport = transport;
    this.#sinks = sinks.filter(({ compare }) => compare !== undefined);
    this.#listener = listener;
  }

  /** Adds one; while storing takes too long, it is dropped. */
  add(comparison: Comparison): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(comparison);
    if (this.#waiting.length === BATCH) void this.flush();
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS);
  }

  /** Stores what waits. Does not reject. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#storing = this.#storing.then(() => this.#store());
  }

  async #store(): Promise<void> {
    this.#timer = undefined;
    const batch = this.#waiting.splice(0);
    if (batch.length === 0) return;
    try {
      await Promise.all([this.#send(batch), ...this.#sinks.map((sink) => sink.compare!(batch))]);
    } catch (error) {
      this.#listener({ type: "comparisons_dropped", count: batch.length, reason: messageOf(error) });
    }
  }

  async #send(batch: readonly Comparison[]): Promise<void> {
    if (!this.#hasTopic) await this.#transport.ensureTopics([COMPARISONS_TOPIC]);
    this.#hasTopic = true;
    await this.#transport.send(COMPARISONS_TOPIC, batch.map(encodeComparison));
  }
}
