import { sleep } from "../../lib/sleep.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Subscription, Transport } from "../../bus/transport/transport.ts";
import { Bitset } from "./bitset.ts";
import type { Assignment } from "./images.ts";

/** Images whose waits are measured together: those sent before and just after a fault. */
interface Window {
  readonly begun: number;
  /** The first number that is not in it any more. */
  end: number;
  waitMs: number;
  readonly done: () => void;
}

interface Mark {
  readonly number: number;
  readonly reached: () => void;
}

/** The images that are sent so soon after a fault feel it as well. */
const FELT_MS = 1_000;

/**
 * Watches the results as they come, for the times: stalls, waits, recoveries. What is judged is read back at the end, by
 * `audit.ts`.
 */
export class Observer {
  /** When the last result came that had not come before, in milliseconds of `performance.now`. */
  lastAt = performance.now();
  /** The longest time without any such result while some were awaited, in milliseconds. */
  longestStallMs = 0;
  /** The longest time from the first sending of an image to its result, in milliseconds. */
  longestWaitMs = 0;
  readonly #assignment: Assignment;
  readonly #seen: Bitset;
  readonly #sentAt: Float64Array;
  readonly #subscription: Subscription;
  readonly #watching: Promise<void>;
  #sent = 0;
  #waitingSince = 0;
  #low = 0;
  #marks: Mark[] = [];
  readonly #windows = new Set<Window>();

  private constructor(assignment: Assignment, subscription: Subscription) {
    this.#assignment = assignment;
    this.#seen = new Bitset(assignment.count);
    this.#sentAt = new Float64Array(assignment.count);
    this.#subscription = subscription;
    this.#watching = this.#watch();
  }

  /** Begins to watch. */
  static async start(transport: Transport, assignment: Assignment): Promise<Observer> {
    return new Observer(assignment, await transport.subscribe([RESULTS_TOPIC], { from: "start" }));
  }

  /** How many images have a result. */
  get answered(): number {
    return this.#seen.size;
  }

  /** An image is given to the bus for the first time. Numbers come in ascending order. */
  sent(number: number): void {
    const now = performance.now();
    if (this.#sent === this.#seen.size) this.#waitingSince = now;
    this.#sent = number + 1;
    this.#sentAt[number] = now;
  }

  /** Resolves when all images with a smaller number have a result. */
  reached(number: number): Promise<void> {
    if (this.#low >= number) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#marks.push({ number, reached: resolve });
    return promise;
  }

  /**
   * A fault begins now.
   *
   * @returns When all that was sent before, and within the next second, has its result: the longest that any of it had to
   * wait from now, or from its sending if that was later, in milliseconds.
   */
  async recovery(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const window: Window = { begun: performance.now(), end: Infinity, waitMs: 0, done: resolve };
    this.#windows.add(window);
    await sleep(FELT_MS);
    window.end = this.#sent;
    this.#close(window);
    await promise;
    return window.waitMs;
  }

  /** Stops watching. */
  async stop(): Promise<void> {
    await this.#subscription.close();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for await (const { messages } of this.#subscription) {
      for (const message of messages) {
        const result = decodeResult(message);
        const number = result && this.#assignment.number(result.id);
        if (number !== null && this.#seen.add(number)) this.#saw(number);
      }
    }
  }

  #saw(number: number): void {
    const now = this.lastAt = performance.now();
    this.longestStallMs = Math.max(this.longestStallMs, now - this.#waitingSince);
    this.#waitingSince = now;
    const sentAt = this.#sentAt[number]!;
    this.longestWaitMs = Math.max(this.longestWaitMs, now - sentAt);
    for (const window of this.#windows) {
      if (number < window.end) window.waitMs = Math.max(window.waitMs, now - Math.max(window.begun, sentAt));
    }
    while (this.#low < this.#assignment.count && this.#seen.has(this.#low)) this.#low++;
    this.#marks = this.#marks.filter((mark) => {
      if (mark.number > this.#low) return true;
      mark.reached();
      return false;
    });
    for (const window of this.#windows) this.#close(window);
  }

  #close(window: Window): void {
    if (this.#low >= window.end && this.#windows.delete(window)) window.done();
  }
}
