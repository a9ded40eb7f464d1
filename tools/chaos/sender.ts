import type { Bus } from "../../bus/bus.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { Condition } from "../../lib/condition.ts";
import { sleep } from "../../lib/sleep.ts";
import { type Assignment, KEYS } from "./images.ts";
import { MODEL } from "./versions.ts";

const RETRY_MS = 200;
/** After a pause it catches up on the images of the last second, as fast as it can. */
const MAX_CATCH_UP_MS = 1_000;
const MIN_PAUSE_MS = 5;

/**
 * Sends the images of a run. The next image of a key is sent after the previous one was accepted, and a
 * rejected image is resent with the same id: what is out of order later is not due to the sender.
 */
export class Sender {
  /** Images whose sending has begun: those with a smaller number. */
  sent = 0;
  /** Images that the bus has accepted. */
  accepted = 0;
  /** How often an image was resent because the bus was unavailable. */
  resent = 0;
  readonly #bus: Bus;
  readonly #assignment: Assignment;
  readonly #fullRate: number;
  readonly #onSent: (number: number) => void;
  /** The limit was raised, or an image was accepted. */
  readonly #changed = new Condition();
  #limit = 0;
  #rate: number;
  #due = performance.now();

  /**
   * @param bus The bus.
   * @param assignment The images.
   * @param rate Maximum number of images per second.
   * @param onSent Called at the first send of each image, in ascending order.
   */
  constructor(bus: Bus, assignment: Assignment, rate: number, onSent: (number: number) => void) {
    this.#bus = bus;
    this.#assignment = assignment;
    this.#rate = this.#fullRate = rate;
    this.#onSent = onSent;
  }

  /** Allows sending all images before this number. */
  allow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.#changed.notify();
  }

  /** Sends at this share of its rate from now on, without catching up on a pause. */
  slowTo(share: number): void {
    this.#rate = share * this.#fullRate;
    this.#due = performance.now();
  }

  /** Resolves when the bus has accepted `count` images. */
  async reached(count: number): Promise<void> {
    while (this.accepted < count) await this.#changed.wait();
  }

  /**
   * Sends all images, as far as allowed. Resolves when the bus has accepted all.
   *
   * @param signal Ends it: rejects with the signal's reason.
   * @throws {BusError} What is not retriable.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ofKey: Promise<void>[] = Array.from({ length: KEYS }, () => Promise.resolve());
    this.#due = performance.now();
    while (this.sent < this.#assignment.count) {
      signal.throwIfAborted();
      while (this.sent >= this.#limit) await this.#changed.wait();
      this.#due = Math.max(this.#due + 1_000 / this.#rate, performance.now() - MAX_CATCH_UP_MS);
      if (this.#due > performance.now() + MIN_PAUSE_MS) await sleep(this.#due - performance.now());
      const slot = this.sent % KEYS;
      await ofKey[slot];
      this.#onSent(this.sent);
      ofKey[slot] = this.#send(this.sent++, signal);
      // It is awaited before the next image of its key, or at the end.
      ofKey[slot].catch(() => {});
    }
    await Promise.all(ofKey);
  }

  async #send(number: number, signal: AbortSignal): Promise<void> {
    const { bytes, label } = this.#assignment.image(number);
    const [id, key] = [this.#assignment.id(number), this.#assignment.key(number)];
    const options = { id, key, model: MODEL, signal, ...(label !== null && { actual: label }) };
    while (!await this.#bus.send(bytes, options).then(() => true, retriable)) {
      this.resent++;
      await sleep(RETRY_MS);
    }
    this.accepted++;
    this.#changed.notify();
  }
}

/** @returns `false` for an error that is retriable; throws others. */
function retriable(error: unknown): false {
  if (error instanceof BusError && error.retriable) return false;
  throw error;
}
