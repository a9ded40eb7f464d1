import type { Drift } from "../drift/model_drift.ts";

/** State of a model. It leaves `restarting` and `down` by itself, see {@linkcode ModelStatus.nextTryAt}. */
export type ModelState = "starting" | "up" | "restarting" | "down" | "stopped";

/** State of a Worker. `restarting` is the pause before its next start. */
export type WorkerState = "starting" | "idle" | "busy" | "restarting" | "stopped";

/** One of a model's Workers: a place in which one thread may follow another. */
export interface WorkerStatus {
  /** What it does now. */
  readonly state: WorkerState;
  /** How often it was restarted because it had died or missed its deadline. */
  readonly restarts: number;
  /** How often it was replaced because it exceeded its memory limit, or the time for one image. */
  readonly replacements: number;
  /** Images it has finished, failures included. */
  readonly images: number;
  /** Images that could not be classified. */
  readonly failures: number;
  /** Images of the batch that it works on. */
  readonly inFlight: number;
  /** Its memory after the last batch, WASM and JavaScript heap, in bytes; `null` where it is not known. */
  readonly memoryBytes: number | null;
}

/** A version of a model as it is running. */
export interface VersionStatus {
  /** Version from its manifest. */
  readonly version: string;
  /** What it does now. */
  readonly state: ModelState;
  /** Since when it does so, as ISO 8601 in UTC. */
  readonly since: string;
  /** Why it does so. */
  readonly reason: string;
  /** When a Worker that died is started again, as ISO 8601 in UTC; `null` where none is to be. */
  readonly nextTryAt: string | null;
  /** Its Workers. */
  readonly workers: readonly WorkerStatus[];
}

/** A version that is tried. */
export interface CandidateStatus extends VersionStatus {
  /** `canary`: it gets a share of the images; `shadow`: it gets copies of them. */
  readonly role: "canary" | "shadow";
  /** Its share of the images, in percent. */
  readonly percent: number;
  /** Copies for a shadow that were dropped, because too many waited. */
  readonly dropped: number;
}

/** A version that is to be served, but cannot be. */
export interface RefusedVersion {
  /** Which version. */
  readonly version: string;
  /** Why not. */
  readonly reason: string;
}

/** A model as it is running: the version that is served, and those that are tried. */
export interface ModelStatus extends VersionStatus {
  /** Name of the model. */
  readonly model: string;
  /** Images read whose results are not stored yet. */
  readonly inFlight: number;
  /** Their size in bytes. */
  readonly inFlightBytes: number;
  /** When the oldest of them was sent, as ISO 8601 in UTC; `null` where there is none. */
  readonly oldestAt: string | null;
  /** Further versions that are loaded. */
  readonly candidates: readonly CandidateStatus[];
  /** Versions that are to be served, but cannot be. */
  readonly refused: readonly RefusedVersion[];
  /** How much its predictions differ from those for its test images. */
  readonly drift: Drift;
}
