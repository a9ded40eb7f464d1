import type { ServiceEvent } from "../../actors/events.ts";
import type { Observer } from "../../actors/observer.ts";
import { observeAll } from "../../actors/observers.ts";
import type { Log } from "../log.ts";
import { classifyRoute } from "./classify_route.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { Live } from "./live.ts";
import { PAGE_ROUTES } from "./page_routes.ts";
import type { HttpSettings } from "./options.ts";
import { type HttpServer, listen } from "./server.ts";
import { stateRoutes } from "./state_routes.ts";
import { type Running, WorkerState } from "./worker_state.ts";

/** The HTTP server of a worker process. */
export class WorkerHttp implements AsyncDisposable {
  readonly #state = new WorkerState();
  readonly #live: Live;
  readonly #server: HttpServer;

  /**
   * Listens at once: until the service runs, it is not ready.
   *
   * @param settings Where, and who may ask what.
   * @param log Receives what was asked for. @default {none}
   * @throws {UsageError} When the address cannot be used.
   */
  constructor(settings: HttpSettings, log: Log = () => {}) {
    this.#live = new Live(this.#state, settings);
    try {
      this.#server = listen(settings, {
        ...PAGE_ROUTES,
        ...stateRoutes(this.#state),
        ...this.#live.routes,
        ...deadLetterRoutes(this.#state, settings.images, log),
        ...classifyRoute(this.#state),
      });
    } catch (error) {
      void this.#end();
      throw error;
    }
  }

  /** Its address for a browser on this machine. */
  get url(): string {
    return this.#server.url;
  }

  /** For the service. */
  get observer(): Observer {
    return observeAll([this.#state.metrics.work, this.#live.images]);
  }

  /** Takes note of an event of the service or its bus. */
  note(event: ServiceEvent): void {
    this.#state.note(event);
  }

  /** The service runs. */
  serving(running: Running): void {
    this.#state.serving(running);
  }

  /** The service finishes what is in flight. */
  draining(): void {
    this.#state.draining();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#live[Symbol.dispose]();
    await this.#state[Symbol.asyncDispose]();
  }
}
