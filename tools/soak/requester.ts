import type { Bus } from "../../bus/bus.ts";
import type { Result } from "../../bus/result.ts";
import type { ResultStream } from "../../bus/result_stream.ts";
import { Condition } from "../../lib/condition.ts";
import { Bitset } from "../chaos/bitset.ts";

/** Maximum number of images without a result: enough for full batches, few enough for a small bus. */
const MAX_IN_FLIGHT = 1_000;

const STALL_MS = 120_000;

const PREFIX = "image-";

/** What is sent. */
export interface Requests {
  /** Number of images to send. */
  readonly count: number;
  /**
   * Gives an image. Each is asked for once, when the bus has room for it.
   *
   * @param number From 0.
   */
  image(number: number): { readonly image: Uint8Array<ArrayBuffer>; readonly model: string };
  /** Called once per image, with its first result. Must not throw. */
  onResult?(number: number, result: Result): void;
}

/** Sends images, each when the bus has room for it, and counts their results. */
export class Requester {
  /** Images that the bus was given. */
  sent = 0;
  /** Images with a result. */
  answered = 0;
  /** Results that are failures. */
  failed = 0;
  readonly #bus: Bus;
  readonly #results: ResultStream;
  readonly #seen: Bitset;
  readonly #requests: Requests;
  readonly #changed = new Condition();
  #failure: { readonly error: unknown } | undefined;

  private constructor(bus: Bus, results: ResultStream, requests: Requests) {
    this.#bus = bus;
    this.#results = results;
    this.#seen = new Bitset(requests.count);
    this.#requests = requests;
  }

  /**
   * Subscribes to the results.
   *
   * @param bus The bus.
   * @param requests What is sent.
   */
  static async start(bus: Bus, requests: Requests): Promise<Requester> {
    const results = bus.results();
    await results.ready;
    return new Requester(bus, results, requests);
  }

  /**
   * Sends all images. Resolves when each has a result.
   *
   * @throws {BusError} If the bus cannot continue.
   * @throws {Error} If there is no new result for two minutes.
   */
  async run(): Promise<void> {
    await Promise.race([this.#sendAll(), this.#stalled()]);
  }

  /** Images that were sent and have no result, by number. */
  get unanswered(): number[] {
    return Array.from({ length: this.sent }, (_, i) => i).filter((i) => !this.#seen.has(i));
  }

  async #sendAll(): Promise<void> {
    const { count } = this.#requests;
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      this.#changed.notify();
    };
    this.#listen().catch(fail);
    for (let number = 0; number < count; number++) {
      await this.#until(() => number - this.answered < MAX_IN_FLIGHT);
      const { image, model } = this.#requests.image(number);
      this.sent++;
      this.#bus.send(image, { id: `${PREFIX}${number}`, model }).catch(fail);
    }
    await this.#until(() => this.answered === count);
  }

  async #stalled(): Promise<never> {
    for (let before = -1; this.answered !== before;) {
      before = this.answered;
      await new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, STALL_MS)));
    }
    throw new Error(`No new result for ${STALL_MS / 1_000} s, after ${this.answered} results`);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#failure) await this.#changed.wait();
    if (this.#failure) throw this.#failure.error;
  }

  async #listen(): Promise<void> {
    const { count, onResult } = this.#requests;
    for await (const result of this.#results) {
      const number = Number(result.id.slice(PREFIX.length));
      if (!this.#seen.add(number)) continue;
      if (result.status === "failed") this.failed++;
      onResult?.(number, result);
      this.answered++;
      this.#changed.notify();
      if (this.answered === count) return;
    }
  }
}
