import { messageOf } from "../../lib/coded_error.ts";
import { sleep } from "../../lib/sleep.ts";
import type { Serving } from "../../models/serving.ts";
import type { Listener } from "../events.ts";
import type { Versions } from "./versions.ts";

/** What it works with. */
export interface ServingWatchParts {
  /** The models. */
  readonly models: readonly Versions[];
  /** Reads which versions of a model are to be served; undefined where nothing determines it. */
  readonly read: (model: string) => Promise<Serving | undefined>;
  /** Time between two looks, in milliseconds. */
  readonly intervalMs: number;
  /** Notified when `serving.json` cannot be read. */
  readonly listener: Listener;
}

/** A version that was refused is retried this often: its files may still be on their way. */
const RETRY_LOOKS = 15;

/**
 * Looks which versions are to be served, and has them served. It reads the file each time instead of watching
 * it: network file systems report no changes.
 */
export class ServingWatch {
  readonly #parts: ServingWatchParts;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  /** @param parts What it works with. */
  constructor(parts: ServingWatchParts) {
    this.#parts = parts;
  }

  /** Looks at once, then again and again. */
  start(): void {
    this.#running = Promise.all(this.#parts.models.map((model) => this.#watch(model)));
  }

  /** Looks no more. Resolves when the last look has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(model: Versions): Promise<void> {
    const { intervalMs, listener, read } = this.#parts;
    let [served, isServed, fault, looks] = ["", true, "", 0];
    while (!this.#stop.signal.aborted) {
      try {
        const wanted = await read(model.model);
        const text = JSON.stringify(wanted) ?? "";
        const retries = !isServed && ++looks % RETRY_LOOKS === 0;
        if (wanted !== undefined && (text !== served || retries)) isServed = await model.serve(wanted);
        [served, fault] = [text, ""];
      } catch (error) {
        const reason = messageOf(error);
        if (reason !== fault) listener({ type: "serving_unknown", model: model.model, reason });
        fault = reason;
      }
      await sleep(intervalMs, this.#stop.signal);
    }
  }
}
