import type { Decoding } from "./decoding.ts";

/** When a Worker counts as hung, and what then happens. */
export interface HangLimits {
  /** Longest time without progress: for the start, one image, or one inference; in milliseconds. */
  readonly deadlineMs: number;
  /** Longest time for one image, in milliseconds. */
  readonly maxDecodeMs: number;
  /** Called once, when the deadline has passed. */
  readonly onSilent: () => void;
  /** Called once, when an image has taken too long. */
  readonly onDecodeTimeout: () => void;
}

/** Milliseconds between two looks at a Worker. */
const LOOK_MS = 250;

/** Decoders that look at a clock refuse the image themselves, within this time; that costs no Worker. */
const GRACE_MS = 500;

/** Watches a Worker from a request to its reply. */
export class HangWatch {
  readonly #decoding: Decoding;
  readonly #limits: HangLimits;
  readonly #lookMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #image: number | null;
  #spentMs = 0;

  /**
   * Begins to watch.
   *
   * @param decoding Which image the Worker decodes.
   * @param limits When it counts as hung.
   */
  constructor(decoding: Decoding, limits: HangLimits) {
    this.#decoding = decoding;
    this.#limits = limits;
    this.#image = decoding.image;
    this.#lookMs = Math.min(LOOK_MS, limits.deadlineMs);
    this.#timer = setInterval(() => this.#look(), this.#lookMs);
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { deadlineMs, maxDecodeMs, onSilent, onDecodeTimeout } = this.#limits;
    const { image } = this.#decoding;
    // Looks are counted, not the time between them: a process that was suspended has not hung.
    this.#spentMs = image === this.#image ? this.#spentMs + this.#lookMs : 0;
    this.#image = image;
    const isDecodeTimeout = image !== null && this.#spentMs >= maxDecodeMs + GRACE_MS;
    if (!isDecodeTimeout && this.#spentMs < deadlineMs) return;
    this.stop();
    if (isDecodeTimeout) onDecodeTimeout();
    else onSilent();
  }
}
