import type { TransportEvent } from "../../transport.ts";

/** What takes no longer is not reported: partitions get another leader within seconds. */
const REPORTED_AFTER_MS = 3_000;

interface Delay {
  readonly since: number;
  reason: string;
  isReported: boolean;
  /** Ends it. */
  timer?: ReturnType<typeof setTimeout>;
}

/** What is retried, or slowed down, for some seconds: reported once, and once more when it is over. */
export class Delays {
  readonly #report: (event: TransportEvent) => void;
  readonly #delays = new Map<string, Delay>();

  constructor(report: (event: TransportEvent) => void) {
    this.#report = report;
  }

  /** Why something is delayed at the moment; `null` if nothing is. */
  get reason(): string | null {
    return this.#delays.values().next().value?.reason ?? null;
  }

  /**
   * Something has failed, and will be retried.
   *
   * @param what Its name, for the events.
   * @param reason Why, in full.
   */
  failed(what: string, reason: string): void {
    const delay = this.#delays.get(what) ?? { since: performance.now(), reason, isReported: false };
    this.#delays.set(what, delay);
    delay.reason = reason;
    if (performance.now() - delay.since >= REPORTED_AFTER_MS) this.#reportOnce(what, delay);
  }

  /**
   * Something has to wait. It is over if it does not have to wait again soon.
   *
   * @param ms For how long.
   */
  slowed(what: string, reason: string, ms: number): void {
    this.failed(what, reason);
    const delay = this.#delays.get(what)!;
    if (ms >= REPORTED_AFTER_MS) this.#reportOnce(what, delay);
    clearTimeout(delay.timer);
    delay.timer = setTimeout(() => this.over(what), ms + REPORTED_AFTER_MS);
    Deno.unrefTimer(delay.timer);
  }

  #reportOnce(what: string, delay: Delay): void {
    if (delay.isReported) return;
    delay.isReported = true;
    this.#report({ type: "delayed", what, reason: delay.reason });
  }

  /** It works again, or nobody needs it any more. */
  over(what: string): void {
    const delay = this.#delays.get(what);
    if (!delay) return;
    this.#delays.delete(what);
    clearTimeout(delay.timer);
    if (delay.isReported) this.#report({ type: "recovered", what });
  }

  /** Reports nothing any more. */
  close(): void {
    for (const { timer } of this.#delays.values()) clearTimeout(timer);
    this.#delays.clear();
  }
}
