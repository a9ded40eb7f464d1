import { type StartWorker, startWorker, type WorkerHandle } from "../../actors/workers/worker_handle.ts";

/** Real Workers that can be ended in the middle of a batch. */
export class TrackedWorkers {
  readonly #dying = new Set<string>();
  readonly #armed = new Map<string, () => void>();

  /** Starts a Worker; see `serveWith`. */
  readonly start: StartWorker = async (files, options) => {
    const { name } = files.manifest;
    const worker = await startWorker(files, options);
    return {
      get memoryBytes() {
        return worker.memoryBytes;
      },
      gone: worker.gone,
      terminate: () => worker.terminate(),
      run: (images) => {
        const running = worker.run(images);
        this.#endIfTold(name, worker);
        return running;
      },
    };
  };

  /**
   * Ends the Worker of a model in the middle of its next batch.
   *
   * @returns When it was done, as `performance.now` says.
   */
  endNext(model: string): Promise<number> {
    const ended = Promise.withResolvers<number>();
    this.#armed.set(model, () => ended.resolve(performance.now()));
    return ended.promise;
  }

  /** From now on, or no longer, each batch of a model is its Worker's end. */
  keepEnding(model: string, dying: boolean): void {
    if (dying) this.#dying.add(model);
    else this.#dying.delete(model);
  }

  #endIfTold(model: string, worker: WorkerHandle): void {
    const tell = this.#armed.get(model);
    this.#armed.delete(model);
    if (tell === undefined && !this.#dying.has(model)) return;
    worker.terminate();
    tell?.();
  }
}
