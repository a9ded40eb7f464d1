import { messageOf } from "../../lib/coded_error.ts";
import type { ModelFiles } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import type { Serving } from "../../models/serving.ts";
import { ServiceError } from "../errors.ts";
import type { Listener } from "../events.ts";
import type { Job } from "../workers/job.ts";
import type { ModelState, ModelStatus } from "../workers/status.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import type { WorkerLoad } from "../workers/worker_scaler.ts";

/** Called with a state, and why it changed. Must not throw. */
export type OnState = (state: ModelState, reason: string) => void;

/** What the versions of a model work with. */
export interface VersionsParts {
  /** Prepares the Workers of a version. */
  readonly supervise: (files: ModelFiles, workers: number, onState: OnState) => Supervisor;
  /** Reads a version. */
  readonly load: (version: string) => Promise<ModelFiles>;
  /** How many Workers the served version starts with. */
  readonly workers: number;
  /** Called with each change of state of the version that is served. */
  readonly onState: OnState;
  /** Notified of what is served, and of what cannot be. */
  readonly listener: Listener;
}

/**
 * A model: one version is served, and it can be exchanged for another one while images are in flight.
 *
 * 1. The other version is loaded and started beside the served one. When it is broken, it is refused: the
 *    served one stays.
 * 2. From one image to the next, images go to the other version.
 * 3. What no Worker of the former version has begun goes to the other one; the batches that it computes are
 *    finished, and its Workers end.
 */
export class Versions {
  /** Name of the model. */
  readonly model: string;
  readonly #parts: VersionsParts;
  /** All that have Workers, those that are starting or retiring included. */
  readonly #running = new Set<Supervisor>();
  readonly #refused = new Map<string, string>();
  #stable: Supervisor;
  #isStopped = false;

  /**
   * @param files The version that is served first.
   * @param parts What it works with.
   */
  constructor(files: ModelFiles, parts: VersionsParts) {
    this.model = files.manifest.name;
    this.#parts = parts;
    this.#stable = this.#supervise(files, parts.workers);
  }

  /** The version that is served. */
  get version(): string {
    return this.#stable.version;
  }

  /** State of the version that is served. */
  get state(): ModelState {
    return this.#stable.state;
  }

  /** Status of all versions; what is in flight, only the lane knows. */
  status(): Omit<ModelStatus, "inFlight" | "inFlightBytes" | "oldestAt"> {
    const refused = [...this.#refused].map(([version, reason]) => ({ version, reason }));
    return { model: this.model, ...this.#stable.status(), candidates: [], refused };
  }

  /** Starts the served version. Throws as {@linkcode Supervisor.start}. */
  start(): Promise<void> {
    return this.#stable.start();
  }

  /** Gives an image to the version that is to classify it. */
  submit(job: Job): void {
    this.#stable.submit(job);
  }

  /**
   * Serves other versions. Resolves when they get the images; the former ones may still finish their batches.
   * A version that cannot be loaded or started is refused, reported, and shown in the status.
   *
   * @param wanted What is to be served.
   */
  async serve(wanted: Serving): Promise<void> {
    const begun = performance.now();
    const stable = await this.#ready(wanted.serve, Math.max(this.#parts.workers, this.load().workers));
    for (const version of this.#refused.keys()) if (version !== wanted.serve) this.#refused.delete(version);
    if (this.#isStopped || stable === null || stable === this.#stable) return;
    const former = this.#stable;
    this.#stable = stable;
    this.#parts.onState(stable.state, "ready");
    this.#report("serving", stable.version, `instead of ${former.version}`, begun);
    void this.#retire(former);
  }

  /** Ends all Workers at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#running].map((supervisor) => supervisor.stop()));
  }

  /** Load of the served version. */
  load(): WorkerLoad {
    return this.#stable.load();
  }

  /** Starts one more Worker of the served version. Throws as {@linkcode Supervisor.grow}. */
  grow(): Promise<void> {
    return this.#stable.grow();
  }

  /** Ends an idle Worker of the served version. */
  shrink(): void {
    this.#stable.shrink();
  }

  #supervise(files: ModelFiles, workers: number): Supervisor {
    const supervisor = this.#parts.supervise(files, workers, (state, reason) => {
      if (supervisor === this.#stable) this.#parts.onState(state, reason);
    });
    this.#running.add(supervisor);
    return supervisor;
  }

  /** @returns A version that is started; `null` when it is refused. */
  async #ready(version: string, workers: number): Promise<Supervisor | null> {
    if (version === this.#stable.version) return this.#stable;
    const begun = performance.now();
    let supervisor: Supervisor | undefined;
    try {
      supervisor = this.#supervise(await this.#parts.load(version), workers);
      await supervisor.start();
      this.#refused.delete(version);
      return supervisor;
    } catch (error) {
      if (!(error instanceof ModelError || error instanceof ServiceError)) throw error;
      if (supervisor !== undefined) await this.#retire(supervisor);
      if (!this.#isStopped) this.#refuse(version, messageOf(error), begun);
      return null;
    }
  }

  #refuse(version: string, reason: string, begun: number): void {
    if (this.#refused.get(version) === reason) return;
    this.#refused.set(version, reason);
    this.#report("refused", version, reason, begun);
  }

  async #retire(supervisor: Supervisor): Promise<void> {
    await supervisor.retire(this);
    this.#running.delete(supervisor);
  }

  #report(change: "serving" | "refused", version: string, reason: string, begun: number): void {
    const tookMs = performance.now() - begun;
    this.#parts.listener({ type: "version", model: this.model, version, change, reason, tookMs });
  }
}
