import { sleep } from "../../lib/sleep.ts";
import type { Bus } from "../../bus/bus.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { type Assignment, KEYS, MODEL } from "./images.ts";

const AGAIN_MS = 200;
/** What it did not send while it was not allowed to, it sends afterwards as fast as it can: that of the last second. */
const MOST_MADE_UP_MS = 1_000;
const LEAST_PAUSE_MS = 5;

/** How to send. */
export interface SenderOptions {
  /** The most images a second. */
  readonly rate: number;
  /** Told when an image is given to the bus for the first time, in ascending order. */
  readonly onSent: (number: number) => void;
}

/**
 * Sends the images of a run. Of a key the next one is sent when the one before was accepted, and what was refused is sent
 * again under its id: so whatever is out of order later, the sender did not do it.
 */
export class Sender {
  /** How many were given to the bus; those after them were not. */
  sent = 0;
  /** How many the bus has accepted. */
  accepted = 0;
  /** How often one was sent again because the bus was away. */
  again = 0;
  readonly #bus: Bus;
  readonly #assignment: Assignment;
  readonly #options: SenderOptions;
  #limit = 0;
  #rate: number;
  #due = performance.now();
  #limitRaised = Promise.withResolvers<void>();
  #marks: { readonly count: number; readonly reached: () => void }[] = [];

  /**
   * @param bus Where to send.
   * @param assignment What to send.
   * @param options How fast.
   */
  constructor(bus: Bus, assignment: Assignment, options: SenderOptions) {
    this.#bus = bus;
    this.#assignment = assignment;
    this.#options = options;
    this.#rate = options.rate;
  }

  /** Lets it send all images before this number. */
  allow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.#limitRaised.resolve();
    this.#limitRaised = Promise.withResolvers();
  }

  /** Sends at this share of its rate from now on, and makes up for no pause. */
  slowTo(share: number): void {
    this.#rate = share * this.#options.rate;
    this.#due = performance.now();
  }

  /** Resolves when so many were accepted. */
  reached(count: number): Promise<void> {
    if (this.accepted >= count) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#marks.push({ count, reached: resolve });
    return promise;
  }

  /**
   * Sends all, as far as it is allowed. Resolves when the bus has accepted all.
   *
   * @param signal Ends it: rejects with the signal's reason.
   * @throws {BusError} What can't get better by trying again.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ofKey: Promise<void>[] = Array.from({ length: KEYS }, () => Promise.resolve());
    this.#due = performance.now();
    while (this.sent < this.#assignment.count) {
      signal.throwIfAborted();
      if (this.sent >= this.#limit) await this.#limitRaised.promise;
      this.#due = Math.max(this.#due + 1_000 / this.#rate, performance.now() - MOST_MADE_UP_MS);
      if (this.#due > performance.now() + LEAST_PAUSE_MS) await sleep(this.#due - performance.now());
      const slot = this.sent % KEYS;
      await ofKey[slot];
      this.#options.onSent(this.sent);
      ofKey[slot] = this.#send(this.sent++, signal);
      // It is awaited when the next one of its key is sent, or at the end.
      ofKey[slot].catch(() => {});
    }
    await Promise.all(ofKey);
  }

  async #send(number: number, signal: AbortSignal): Promise<void> {
    const { bytes, label } = this.#assignment.image(number);
    const [id, key] = [this.#assignment.id(number), this.#assignment.key(number)];
    const options = { id, key, model: MODEL, signal, ...(label !== null && { actual: label }) };
    while (!await this.#accepts(() => this.#bus.send(bytes, options))) {
      this.again++;
      await sleep(AGAIN_MS);
    }
    this.accepted++;
    this.#marks = this.#marks.filter(({ count, reached }) => count > this.accepted || reached());
  }

  async #accepts(send: () => Promise<unknown>): Promise<boolean> {
    try {
      await send();
      return true;
    } catch (error) {
      if (error instanceof BusError && error.retriable) return false;
      throw error;
    }
  }
}
