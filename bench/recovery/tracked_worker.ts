import { type StartWorker, startWorker, type WorkerHandle } from "../../actors/workers/worker_handle.ts";
import { wrapWorker } from "../../testing/harness/wrapped_worker.ts";

/** Real Workers that can be terminated in the middle of a batch. */
export class TrackedWorkers {
  readonly #doomed = new Set<string>();
  readonly #armed = new Map<string, () => void>();

  /** Starts a Worker; see `serveWith`. */
  readonly start: StartWorker = async (files, options) => {
    const { name } = files.manifest;
    const worker = await startWorker(files, options);
    return wrapWorker(worker, (images) => {
      const running = worker.run(images);
      this.#terminateIfDue(name, worker);
      return running;
    });
  };

  /**
   * Terminates the Worker of a model in the middle of its next batch.
   *
   * @returns The time of the termination, of `performance.now`.
   */
  terminateNext(model: string): Promise<number> {
    const terminated = Promise.withResolvers<number>();
    this.#armed.set(model, () => terminated.resolve(performance.now()));
    return terminated.promise;
  }

  /** Terminates every Worker of a model in the middle of its first batch, from now on. */
  terminateAll(model: string): void {
    this.#doomed.add(model);
  }

  #terminateIfDue(model: string, worker: WorkerHandle): void {
    const notify = this.#armed.get(model);
    this.#armed.delete(model);
    if (notify === undefined && !this.#doomed.has(model)) return;
    worker.terminate();
    notify?.();
  }
}
