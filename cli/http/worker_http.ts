import type { ServiceEvent } from "../../actors/events.ts";
import type { Observer } from "../../actors/observer.ts";
import type { HttpSettings } from "./options.ts";
import { type HttpServer, listen } from "./server.ts";
import { stateRoutes } from "./state_routes.ts";
import { type Running, WorkerState } from "./worker_state.ts";

/** The HTTP server of a worker process. */
export class WorkerHttp implements AsyncDisposable {
  readonly #state = new WorkerState();
  readonly #server: HttpServer;

  /**
   * Listens at once: until the service runs, it is not ready.
   *
   * @param settings Where, and who may ask what.
   * @throws {UsageError} When the address cannot be used.
   */
  constructor(settings: HttpSettings) {
    try {
      this.#server = listen(settings, stateRoutes(this.#state));
    } catch (error) {
      void this.#state[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Its address for a browser on this machine. */
  get url(): string {
    return this.#server.url;
  }

  /** For the service. */
  get observer(): Observer {
    return this.#state.metrics.work;
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
    await this.#state[Symbol.asyncDispose]();
  }
}
