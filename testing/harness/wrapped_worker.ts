import type { WorkerHandle } from "../../actors/workers/worker_handle.ts";

/** A Worker whose batches go through another function. */
export function wrapWorker(worker: WorkerHandle, run: WorkerHandle["run"]): WorkerHandle {
  return {
    run,
    gone: worker.gone,
    terminate: () => worker.terminate(),
    get memoryBytes() {
      return worker.memoryBytes;
    },
    get decoding() {
      return worker.decoding;
    },
  };
}
