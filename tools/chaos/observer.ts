import { Condition } from "../../lib/condition.ts";
import { sleep } from "../../lib/sleep.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Subscription, Transport } from "../../bus/transport/transport.ts";
import { Bitset } from "./bitset.ts";
import type { Assignment } from "./images.ts";

/** Images whose waits are measured together: those sent before and shortly after the beginning of a fault. */
interface Window {
  readonly begun: number;
  /** The first number after it. */
  end: number;
  waitMs: number;
}

/** Images sent within this time after the beginning of a fault belong to its window. */
const WINDOW_MS = 1_000;

/** Measures stalls, waits and recoveries while results arrive. Losses are found afterwards, by `audit.ts`. */
export class Observer {
  /** When the last new result arrived, in milliseconds of `performance.now`. */
  lastAt = performance.now();
  /** Longest time without a new result while some were outstanding, in milliseconds. */
  longestStallMs = 0;
  /** Longest time from the first send of an image to its result, in milliseconds. */
  longestWaitMs = 0;
  readonly #assignment: Assignment;
  readonly #seen: Bitset;
  readonly #sentAt: Float64Array;
  readonly #subscription: Subscription;
  readonly #watching: Promise<void>;
  #sent = 0;
  #waitingSince = 0;
  #low = 0;
  readonly #progressed = new Condition();
  readonly #windows = new Set<Window>();

  private constructor(assignment: Assignment, subscription: Subscription) {
    this.#assignment = assignment;
    this.#seen = new Bitset(assignment.count);
    this.#sentAt = new Float64Array(assignment.count);
    this.#subscription = subscription;
    this.#watching = this.#watch();
  }

  /** Subscribes to the results. */
  static async start(transport: Transport, assignment: Assignment): Promise<Observer> {
    return new Observer(assignment, await transport.subscribe([RESULTS_TOPIC], { from: "start" }));
  }

  /** Number of images with a result. */
  get answered(): number {
    return this.#seen.size;
  }

  /** Records the first send of an image. Numbers must be passed in ascending order. */
  sent(number: number): void {
    const now = performance.now();
    if (this.#sent === this.#seen.size) this.#waitingSince = now;
    this.#sent = number + 1;
    this.#sentAt[number] = now;
  }

  /** Resolves when all images before this number have a result. */
  async reached(number: number): Promise<void> {
    while (this.#low < number) await this.#progressed.wait();
  }

  /**
   * Measures the recovery from a fault that begins now. Resolves when all images sent before, and within the
   * next second, have a result.
   *
   * @returns Longest wait of these images from now, or from their send if that was later, in milliseconds.
   */
  async recovery(): Promise<number> {
    const window: Window = { begun: performance.now(), end: Infinity, waitMs: 0 };
    this.#windows.add(window);
    await sleep(WINDOW_MS);
    window.end = this.#sent;
    await this.reached(window.end);
    this.#windows.delete(window);
    return window.waitMs;
  }

  /** Ends the subscription. */
  async stop(): Promise<void> {
    await this.#subscription.close();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for await (const { messages } of this.#subscription) {
      for (const message of messages) {
        const result = decodeResult(message);
        const number = result && this.#assignment.number(result.id);
        if (number !== null && this.#seen.add(number)) this.#record(number);
      }
    }
  }

  #record(number: number): void {
    const now = this.lastAt = performance.now();
    this.longestStallMs = Math.max(this.longestStallMs, now - this.#waitingSince);
    this.#waitingSince = now;
    const sentAt = this.#sentAt[number]!;
    this.longestWaitMs = Math.max(this.longestWaitMs, now - sentAt);
    for (const window of this.#windows) {
      if (number < window.end) window.waitMs = Math.max(window.waitMs, now - Math.max(window.begun, sentAt));
    }
    while (this.#low < this.#assignment.count && this.#seen.has(this.#low)) this.#low++;
    this.#progressed.notify();
  }
}
