import { EventStream } from "./event_stream.ts";
import { refuse } from "./guard.ts";
import { History } from "./history.ts";
import { imageResponse, LastImages } from "./last_images.ts";
import type { HttpSettings } from "./options.ts";
import type { Routes } from "./server.ts";
import type { WorkerState } from "./worker_state.ts";

const INTERVAL_MS = 1_000;

/** What the page shows live: once per second a sample, the state, and the last images. One timer for all pages. */
export class Live implements Disposable {
  /** The last images; an observer of the service. */
  readonly images: LastImages;
  readonly #state: WorkerState;
  readonly #settings: Pick<HttpSettings, "actions" | "images">;
  readonly #history: History;
  readonly #stream = new EventStream();
  readonly #timer: ReturnType<typeof setInterval>;
  #lastNumber = 0;

  /**
   * @param state What is shown.
   * @param settings Whether images are shown, and changes allowed.
   */
  constructor(state: WorkerState, settings: Pick<HttpSettings, "actions" | "images">) {
    this.#state = state;
    this.#settings = settings;
    this.#history = new History(state.metrics.registry);
    this.images = new LastImages(() => settings.images && this.#stream.clients > 0);
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
  }

  /** `/api/events`, `/api/images`. */
  get routes(): Routes {
    return {
      "GET /api/events": () => this.#stream.open("start", this.#start()),
      "GET /api/images": (_request, { searchParams }) => {
        const bytes = this.images.bytesOf(Number(searchParams.get("number")));
        return bytes === null ? refuse(404, "This image is not kept any more") : imageResponse(bytes);
      },
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #start() {
    const { actions, images } = this.#settings;
    return {
      settings: { actions, images },
      history: this.#history.samples,
      state: this.#state.summary(),
      images: this.images.after(0),
    };
  }

  #tick(): void {
    const state = this.#state.summary();
    const inFlight = state.models.reduce((sum, model) => sum + model.inFlight, 0);
    const { topics } = state;
    const lag = topics.length === 0 ? null : topics.reduce((sum, { lag }) => sum + lag, 0);
    const sample = this.#history.take(inFlight, lag);
    const images = this.images.after(this.#lastNumber);
    this.#lastNumber = images.at(-1)?.number ?? this.#lastNumber;
    this.#stream.send("tick", { sample, state, images });
  }
}
