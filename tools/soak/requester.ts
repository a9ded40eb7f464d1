import type { Bus } from "../../bus/bus.ts";
import type { ResultStream } from "../../bus/result_stream.ts";
import { Condition } from "../../lib/condition.ts";
import type { TestImage } from "../../testing/images.ts";
import { Bitset } from "../chaos/bitset.ts";

/** Maximum number of images without a result: enough for full batches, few enough for a small bus. */
const MAX_IN_FLIGHT = 1_000;

/** Sends images, each when the bus has room for it, and counts their results. */
export class Requester {
  /** Images with a result. */
  answered = 0;
  /** Results that are failures. */
  failed = 0;
  readonly #bus: Bus;
  readonly #results: ResultStream;
  readonly #seen: Bitset;
  readonly #changed = new Condition();
  #failure: { readonly error: unknown } | undefined;

  private constructor(bus: Bus, results: ResultStream, messages: number) {
    this.#bus = bus;
    this.#results = results;
    this.#seen = new Bitset(messages);
  }

  /**
   * Subscribes to the results.
   *
   * @param bus The bus.
   * @param messages Number of images that will be sent.
   */
  static async start(bus: Bus, messages: number): Promise<Requester> {
    const results = bus.results();
    await results.ready;
    return new Requester(bus, results, messages);
  }

  /**
   * Sends images. Resolves when each has a result.
   *
   * @param messages Number of images to send.
   * @param images At least one; sent in turn.
   * @throws {BusError} If the bus cannot continue.
   */
  async run(messages: number, images: readonly TestImage[]): Promise<void> {
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      this.#changed.notify();
    };
    this.#listen(messages).catch(fail);
    for (let number = 0; number < messages; number++) {
      await this.#until(() => number - this.answered < MAX_IN_FLIGHT);
      const { png, model } = images[number % images.length]!;
      this.#bus.send(png, { id: `soak-${number}`, model }).catch(fail);
    }
    await this.#until(() => this.answered === messages);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#failure) await this.#changed.wait();
    if (this.#failure) throw this.#failure.error;
  }

  async #listen(messages: number): Promise<void> {
    for await (const { id, status } of this.#results) {
      if (!this.#seen.add(Number(id.slice("soak-".length)))) continue;
      if (status === "failed") this.failed++;
      this.answered++;
      this.#changed.notify();
      if (this.answered === messages) return;
    }
  }
}
