import type { Answer, Comparison } from "../../bus/comparison.ts";
import type { Job, JobOutcome, Timing } from "../workers/job.ts";
import type { Supervisor } from "../workers/supervisor.ts";

/** Copies that may wait for it; beyond that they are dropped. */
const MAX_IMAGES = 256;
const MAX_BYTES = 16 * 2 ** 20;

/**
 * A version that gets a copy of each image after its result is there. It delays and fails nothing: it has
 * Workers and a mailbox of its own, and copies that do not fit are dropped.
 */
export class Shadow {
  /** Its Workers. */
  readonly supervisor: Supervisor;
  /** Copies that were dropped. */
  dropped = 0;
  readonly #onComparison: (comparison: Comparison) => void;
  #images = 0;
  #bytes = 0;

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
    return {
      ...{ id, image, bytes, stickyKey, pinned, traceparent, actual },
      settle: (outcome, timing) => {
        job.settle(outcome, timing);
        if (timing.version !== this.supervisor.version) this.#copy(job, answerOf(outcome, timing));
      },
    };
  }

  #copy({ id, image, bytes, stickyKey, actual }: Job, served: Answer): void {
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
    this.supervisor.submit({ id, image, bytes, stickyKey, pinned, settle });
  }
}

function answerOf(outcome: JobOutcome, { version = "" }: Timing): Answer {
  if (!outcome.ok) return { version, label: null, confidence: null };
  const [{ label, confidence }] = outcome.top;
  return { version, label, confidence };
}
