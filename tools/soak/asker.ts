import type { Bus } from "../../bus/bus.ts";
import type { ResultStream } from "../../bus/result_stream.ts";
import type { TestImage } from "../../testing/images.ts";
import { Bitset } from "../chaos/bitset.ts";

/** So many are on the bus without a result, at most: enough for full batches, little enough for a small bus. */
const MAX_WAITING = 1_000;

/** Sends images, each when the bus has room for it, and counts their results. */
export class Asker {
  /** How many images have a result. */
  answered = 0;
  /** How many of the results are failures. */
  failed = 0;
  readonly #bus: Bus;
  readonly #results: ResultStream;
  readonly #seen: Bitset;
  #progress = Promise.withResolvers<void>();
  #failure: { readonly error: unknown } | undefined;

  private constructor(bus: Bus, results: ResultStream, messages: number) {
    this.#bus = bus;
    this.#results = results;
    this.#seen = new Bitset(messages);
  }

  /**
   * Begins to listen.
   *
   * @param bus Where to ask.
   * @param messages How many images there will be.
   */
  static async start(bus: Bus, messages: number): Promise<Asker> {
    const results = bus.results();
    await results.ready;
    return new Asker(bus, results, messages);
  }

  /**
   * Sends images in turn until so many are sent as were said. Resolves when each has a result.
   *
   * @param images At least one.
   * @throws {BusError} When the bus can't go on.
   */
  async run(messages: number, images: readonly TestImage[]): Promise<void> {
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      this.#move();
    };
    this.#listen(messages).catch(fail);
    for (let number = 0; number < messages; number++) {
      await this.#until(() => number - this.answered < MAX_WAITING);
      const { png, model } = images[number % images.length]!;
      this.#bus.send(png, { id: `soak-${number}`, model }).catch(fail);
    }
    await this.#until(() => this.answered === messages);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#failure) await this.#progress.promise;
    if (this.#failure) throw this.#failure.error;
  }

  #move(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }

  async #listen(messages: number): Promise<void> {
    for await (const { id, status } of this.#results) {
      if (!this.#seen.add(Number(id.slice("soak-".length)))) continue;
      if (status === "failed") this.failed++;
      this.answered++;
      this.#move();
      if (this.answered === messages) return;
    }
  }
}
