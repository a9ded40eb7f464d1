import { logError, showProgress } from "./terminal.ts";

const WIDTH = 24;
const INTERVAL_MS = 100;

/** A bar on standard error while something long is under way; nothing where that is no terminal. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #since = performance.now();
  #shownAt = 0;

  /**
   * @param what What is counted: `"images"`.
   * @param total How many there are.
   */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  /** Shows how many are done. */
  show(done: number): void {
    const now = performance.now();
    if (now - this.#shownAt < INTERVAL_MS && done < this.#total) return;
    this.#shownAt = now;
    const share = done / this.#total;
    const bar = "█".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, "░");
    const perSecond = Math.round(done / (now - this.#since) * 1000);
    showProgress(`${bar} ${done} of ${this.#total} ${this.#what}, ${perSecond} a second`);
  }

  /** Ends the line of the bar. */
  end(): void {
    if (Deno.stderr.isTerminal()) logError("");
  }
}
