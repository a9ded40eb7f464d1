import type { Comparison } from "../../bus/comparison.ts";
import { messageOf } from "../../lib/coded_error.ts";
import type { ModelFiles } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import type { Reference } from "../../models/reference.ts";
import type { CanarySpec, Serving } from "../../models/serving.ts";
import { ServiceError } from "../errors.ts";
import type { Listener, ServiceEvent } from "../events.ts";
import type { Job } from "../workers/job.ts";
import type { CandidateStatus, ModelState, ModelStatus } from "../workers/status.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import type { WorkerLoad } from "../workers/worker_scaler.ts";
import { Canary } from "./canary.ts";
import { Shadow } from "./shadow.ts";

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
  /** Called with what a shadow answered. */
  readonly onComparison: (comparison: Comparison) => void;
  /** Notified of what is served, and of what cannot be. */
  readonly listener: Listener;
}

type Change = Extract<ServiceEvent, { readonly type: "version" }>["change"];

/**
 * A model: one version is served, another one may get a share of the images, and they can be exchanged while
 * images are in flight.
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
  /** Those that images can go to, by version. */
  readonly #ready = new Map<string, Supervisor>();
  readonly #refused = new Map<string, string>();
  #stable: Supervisor;
  #canary: Canary | null = null;
  #shadow: Shadow | null = null;
  #stopped: CanarySpec | null = null;
  #isClosed = false;

  /**
   * @param files The version that is served first.
   * @param parts What it works with.
   */
  constructor(files: ModelFiles, parts: VersionsParts) {
    this.model = files.manifest.name;
    this.#parts = parts;
    this.#stable = this.#supervise(files, parts.workers);
    this.#ready.set(this.version, this.#stable);
  }

  /** The version that is served. */
  get version(): string {
    return this.#stable.version;
  }

  /** What the version that is served predicts for its test images, where that is known. */
  get reference(): Reference | undefined {
    return this.#stable.files.reference;
  }

  /** State of the version that is served. */
  get state(): ModelState {
    return this.#stable.state;
  }

  /** Status of all versions; what is in flight, only the lane knows. */
  status(): Omit<ModelStatus, "inFlight" | "inFlightBytes" | "oldestAt" | "drift"> {
    const refused = [...this.#refused].map(([version, reason]) => ({ version, reason }));
    return { model: this.model, ...this.#stable.status(), candidates: this.#candidates(), refused };
  }

  /** Starts the served version. Throws as {@linkcode Supervisor.start}. */
  start(): Promise<void> {
    return this.#stable.start();
  }

  /** Gives an image to the version that is to classify it. */
  submit(job: Job): void {
    this.#submit(this.#shadow?.copying(job) ?? job);
  }

  #submit(job: Job): void {
    const supervisor = job.pinned === undefined ? this.#chosenFor(job) : this.#ready.get(job.pinned);
    if (supervisor !== undefined) return supervisor.submit(job);
    const message = `Version "${job.pinned}" of ${this.model} is not loaded; there is ${
      [...this.#ready.keys()].join(", ")
    }`;
    job.settle({ ok: false, code: "unknown_version", message }, { startedAt: Date.now(), tookMs: 0 });
  }

  /**
   * Serves other versions. Resolves when they get the images; the former ones may still finish their batches.
   * A version that cannot be loaded or started is refused, reported, and shown in the status.
   *
   * @param wanted What is to be served.
   * @returns Whether nothing was refused.
   */
  async serve(wanted: Serving): Promise<boolean> {
    const { workers } = this.#parts;
    const versions = [wanted.serve, wanted.canary?.version, wanted.shadow];
    for (const version of this.#refused.keys()) {
      if (!versions.includes(version)) this.#refused.delete(version);
    }
    const begun = performance.now();
    const stable = await this.#start(wanted.serve, Math.max(workers, this.load().workers)) ?? this.#stable;
    const canary = await this.#startCanary(wanted);
    const shadow = await this.#startShadow(wanted);
    if (this.#isClosed) return true;
    this.#exchange(stable, begun);
    this.#try(canary, shadow, begun);
    this.#retireOthers();
    return this.#refused.size === 0;
  }

  /** Ends all Workers at once. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    this.#shadow?.stop();
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

  #candidates(): CandidateStatus[] {
    const [canary, shadow] = [this.#canary, this.#shadow];
    return [
      ...canary
        ? [{
          role: "canary" as const,
          percent: canary.spec.percent,
          dropped: 0,
          ...canary.supervisor.status(),
        }]
        : [],
      ...shadow
        ? [{ role: "shadow" as const, percent: 100, dropped: shadow.dropped, ...shadow.supervisor.status() }]
        : [],
    ];
  }

  #chosenFor({ stickyKey }: Job): Supervisor {
    if (!this.#canary?.takes(stickyKey)) return this.#stable;
    const fault = this.#canary.fault(this.#stable);
    if (fault === null) return this.#canary.supervisor;
    this.#stopCanary(fault);
    return this.#stable;
  }

  #stopCanary(fault: string): void {
    const { spec } = this.#canary!;
    [this.#canary, this.#stopped] = [null, spec];
    this.#retireOthers();
    this.#report("canary_stopped", spec.version, fault);
  }

  #exchange(stable: Supervisor, begun: number): void {
    if (stable === this.#stable) return;
    const former = this.#stable;
    this.#stable = stable;
    this.#parts.onState(stable.state, "ready");
    this.#report("serving", stable.version, `instead of ${former.version}`, begun);
  }

  #try(canary: Canary | null, shadow: Shadow | null, begun: number): void {
    const [isNewCanary, isNewShadow] = [canary !== this.#canary, shadow !== this.#shadow];
    if (isNewShadow) this.#shadow?.stop();
    [this.#canary, this.#shadow] = [canary, shadow];
    if (canary && isNewCanary) {
      this.#report("canary", canary.spec.version, `gets ${canary.spec.percent} % of the images`, begun);
    }
    if (shadow && isNewShadow) {
      this.#report("shadow", shadow.supervisor.version, "gets copies of the images", begun);
    }
  }

  async #startShadow({ serve, canary, shadow: version }: Serving): Promise<Shadow | null> {
    if (version === undefined || version === serve || version === canary?.version) return null;
    if (version === this.#shadow?.supervisor.version) return this.#shadow;
    const supervisor = await this.#start(version, 1);
    return supervisor && new Shadow(supervisor, this.#parts.onComparison);
  }

  /** A canary that was stopped is not started again before another share is wanted. */
  async #startCanary({ serve, canary: spec }: Serving): Promise<Canary | null> {
    if (spec === undefined || spec.version === serve) return this.#stopped = null;
    if (isEqual(spec, this.#stopped)) return null;
    if (isEqual(spec, this.#canary?.spec ?? null)) return this.#canary;
    this.#stopped = null;
    const supervisor = await this.#start(spec.version, Math.ceil(this.#parts.workers * spec.percent / 100));
    return supervisor && new Canary(spec, supervisor);
  }

  /** @returns A version that is started, with at least so many Workers; `null` when it is refused. */
  async #start(version: string, workers: number): Promise<Supervisor | null> {
    const begun = performance.now();
    let supervisor = this.#ready.get(version);
    try {
      if (supervisor === undefined) {
        const files = await this.#parts.load(version);
        // Race: `stop` while it was loaded, or before it, did not see it.
        if (this.#isClosed) return null;
        supervisor = this.#supervise(files, workers);
        await supervisor.start();
        this.#ready.set(version, supervisor);
      }
      while (supervisor !== this.#stable && supervisor.load().workers < workers) await supervisor.grow();
      this.#refused.delete(version);
      return supervisor;
    } catch (error) {
      if (!(error instanceof ModelError || error instanceof ServiceError)) throw error;
      if (supervisor !== undefined && !this.#ready.has(version)) await this.#retire(supervisor);
      if (!this.#isClosed) this.#refuse(version, messageOf(error), begun);
      return null;
    }
  }

  #supervise(files: ModelFiles, workers: number): Supervisor {
    const supervisor = this.#parts.supervise(files, workers, (state, reason) => {
      if (supervisor === this.#stable) this.#parts.onState(state, reason);
      else if (supervisor === this.#canary?.supervisor && state === "down") {
        this.#stopCanary(`it is down: ${reason}`);
      }
    });
    this.#running.add(supervisor);
    return supervisor;
  }

  #refuse(version: string, reason: string, begun: number): void {
    if (this.#refused.get(version) === reason) return;
    this.#refused.set(version, reason);
    this.#report("refused", version, reason, begun);
  }

  #retireOthers(): void {
    for (const [version, supervisor] of this.#ready) {
      if ([this.#stable, this.#canary?.supervisor, this.#shadow?.supervisor].includes(supervisor)) continue;
      this.#ready.delete(version);
      void this.#retire(supervisor);
    }
  }

  async #retire(supervisor: Supervisor): Promise<void> {
    await supervisor.retire({ submit: (job) => this.#submit(job) });
    this.#running.delete(supervisor);
  }

  #report(change: Change, version: string, reason: string, begun: number = performance.now()): void {
    const tookMs = performance.now() - begun;
    this.#parts.listener({ type: "version", model: this.model, version, change, reason, tookMs });
  }
}

function isEqual(a: CanarySpec, b: CanarySpec | null): boolean {
  return a.version === b?.version && a.percent === b.percent;
}
