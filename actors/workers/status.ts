/** State of a model: `restarting` and `down` come to an end by themselves, see {@linkcode ModelStatus.nextTryAt}. */
export type ModelState = "starting" | "up" | "restarting" | "down" | "stopped";

/** State of a Worker: `restarting` is the pause before it is started again. */
export type WorkerState = "starting" | "idle" | "busy" | "restarting" | "stopped";

/** One of a model's Workers: a place, in which one thread may follow another. */
export interface WorkerStatus {
  /** Its state. */
  readonly state: WorkerState;
  /** How often it was started again because it had died or was silent. */
  readonly restarts: number;
  /** How often another one took its place between batches, because its memory had grown past the bound. */
  readonly replacements: number;
  /** Images it has answered, failures among them. */
  readonly images: number;
  /** Images that could not be classified. */
  readonly failures: number;
  /** Images it is working on. */
  readonly inFlight: number;
  /** Its memory, WASM and JavaScript heap, in bytes, as it was after the last batch; `null` where it is not known. */
  readonly memoryBytes: number | null;
}

/** A model as it is running. */
export interface ModelStatus {
  /** Its name. */
  readonly model: string;
  /** Its version. */
  readonly version: string;
  /** Its state. */
  readonly state: ModelState;
  /** Since when, as ISO 8601 in UTC. */
  readonly since: string;
  /** Why it is in that state. */
  readonly reason: string;
  /** When a Worker that died is started again, as ISO 8601 in UTC; `null` when none is to be. */
  readonly nextTryAt: string | null;
  /** Images read whose results are not stored yet. */
  readonly inFlight: number;
  /** Its Workers. */
  readonly workers: readonly WorkerStatus[];
}
