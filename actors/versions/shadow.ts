import type { Answer, Comparison } from "../../bus/comparison.ts";
import type { Job, JobOutcome, Timing } from "../workers/job.ts";
import type { Supervisor } from "../workers/supervisor.ts";

/** Copies that may wait for it; beyond that they are dropped. */
const MAX_IMAGES = 256;
const MAX_BYTES = 16 * 2 ** 20;

/** Copies wait until no image came and none was settled for so long: by then a result is stored and answered. */
const QUIET_MS = 8;
/** Under steady load there is no such pause: so many copies, or the first after so long, wait for none. */
const MAX_WAITING = 64;
const MAX_WAIT_MS = 100;

/**
 * A version that gets a copy of each image after its result is there. It delays and fails nothing: it has
 * Workers and a mailbox of its own, it works in the pauses of the served version where there are any, and copies that
 * do not fit are dropped.
 */
export class Shadow {
  /** Its Workers. */
  readonly supervisor: Supervisor;
  /** Copies that were dropped. */
  dropped = 0;
  readonly #onComparison: (comparison: Comparison) => void;
  #images = 0;
  #bytes = 0;
  #waiting: Job[] = [];
  #waitingSince = 0;
  #activeAt = 0;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param supervisor Its Workers.
   * @param onComparison Called with each pair of answers. Must not throw.
   */
  constructor(supervisor: Supervisor, onComparison: (comparison: Comparison) => void) {
    this.supervisor = supervisor;
    this.#onComparison = onComparison;
  }

  /** The same image, which is copied when it is settled. */
  copying(job: Job): Job {
    const { id, image, bytes, stickyKey, pinned, traceparent, actual } = job;
    this.#activeAt = performance.now();
    return {
      ...{ id, image, bytes, stickyKey, pinned, traceparent, actual },
      settle: (outcome, timing) => {
        job.settle(outcome, timing);
        if (timing.version !== this.supervisor.version) this.#copy(job, answerOf(outcome, timing));
      },
    };
  }

  /** Forgets the copies that it was not given yet. Its Workers are ended by who started them. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #copy({ id, image, bytes, stickyKey, actual }: Job, served: Answer): void {
    if (this.#isStopped) return;
    if (this.#images >= MAX_IMAGES || this.#bytes + bytes > MAX_BYTES) return void this.dropped++;
    this.#images++;
    this.#bytes += bytes;
    const { name: model, version: pinned } = this.supervisor.files.manifest;
    const settle = (outcome: JobOutcome, timing: Timing) => {
      this.#images--;
      this.#bytes -= bytes;
      // It was retired while the copy waited.
      if (timing.version !== pinned) return;
      const at = new Date().toISOString();
      this.#onComparison({ id, model, actual: actual ?? null, served, other: answerOf(outcome, timing), at });
    };
    this.#wait({ id, image, bytes, stickyKey, pinned, settle });
  }

  #wait(copy: Job): void {
    this.#activeAt = performance.now();
    if (this.#waiting.push(copy) === 1) {
      this.#waitingSince = this.#activeAt;
      this.#timer = setTimeout(() => this.#giveWhenQuiet(), QUIET_MS);
    }
    if (this.#waiting.length >= MAX_WAITING) this.#give();
  }

  #giveWhenQuiet(): void {
    const waitMs = Math.min(this.#activeAt + QUIET_MS, this.#waitingSince + MAX_WAIT_MS) - performance.now();
    if (waitMs <= 0) return this.#give();
    this.#timer = setTimeout(() => this.#giveWhenQuiet(), Math.ceil(waitMs));
  }

  #give(): void {
    clearTimeout(this.#timer);
    for (const copy of this.#waiting.splice(0)) this.supervisor.submit(copy);
  }
}

function answerOf(outcome: JobOutcome, { version = "" }: Timing): Answer {
  if (!outcome.ok) return { version, label: null, confidence: null };
  const [{ label, confidence }] = outcome.top;
  return { version, label, confidence };
}
