import { showProgress, terminalWidth } from "./terminal.ts";

const MAX_WIDTH = 24;
const MIN_WIDTH = 8;
/** Columns for the text beside the bar. */
const TEXT_WIDTH = 56;
const INTERVAL_MS = 100;

/** How a bar shows what it counts. */
export interface ProgressOptions {
  /** Shows a count in the unit: bytes in MB, for example. By default as a whole number. */
  readonly format?: (count: number) => string;
  /** Text at the end of the line: a file's name. */
  readonly label?: string;
}

/** A bar on standard error while something long is under way; nothing where that is no terminal. */
export class Progress {
  readonly #unit: string;
  readonly #total: number | undefined;
  readonly #format: (count: number) => string;
  readonly #label: string;
  readonly #since = performance.now();
  #first: number | undefined;
  #shownAt = 0;
  #text = "";

  /**
   * @param unit What is counted: `"images"`, `"MB"`.
   * @param total How many there are; `undefined` where that is not known yet: no bar then.
   * @param options How it is shown.
   */
  constructor(unit: string, total: number | undefined, options: ProgressOptions = {}) {
    this.#unit = unit;
    this.#total = total;
    this.#format = options.format ?? ((count) => count.toFixed());
    this.#label = options.label ?? "";
  }

  /**
   * Shows how many are done, at most every 100 ms.
   *
   * @param label Text at the end of the line, instead of that of the options.
   */
  show(done: number, label: string = this.#label): void {
    const now = performance.now();
    // A resumed download does not start at 0; the rate leaves out what was there before.
    const sinceFirst = done - (this.#first ??= done);
    if (now - this.#shownAt < INTERVAL_MS && done !== this.#total) return;
    this.#shownAt = now;
    const count = `${this.#bar(done)}${this.#format(done)}${this.#ofTotal()} ${this.#unit}`;
    const rate = sinceFirst / (now - this.#since) * 1_000;
    const perSecond = `, ${this.#format(rate)} ${this.#unit}/s${this.#timeLeft(done, rate)}`;
    this.#text = `${count}${sinceFirst > 0 ? perSecond : ""}  ${label}`;
    showProgress(this.#text);
  }

  /** Prints lines to the same terminal, above the bar. */
  above(print: () => void): void {
    print();
    if (this.#text) showProgress(this.#text);
  }

  #bar(done: number): string {
    if (this.#total === undefined) return "";
    const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, terminalWidth() - TEXT_WIDTH));
    return "█".repeat(Math.round(done / this.#total * width)).padEnd(width, "░") + " ";
  }

  #timeLeft(done: number, perSecond: number): string {
    if (this.#total === undefined) return "";
    const seconds = Math.ceil((this.#total - done) / perSecond);
    return seconds > 120 ? `, ${Math.ceil(seconds / 60)} min left` : `, ${seconds} s left`;
  }

  #ofTotal(): string {
    return this.#total === undefined ? "" : ` of ${this.#format(this.#total)}`;
  }

  /** Removes the bar. */
  end(): void {
    showProgress("");
  }
}

/** Shows a bar while the images of a folder are read, and removes it after the last one. */
export function readingBar(): (done: number, total: number) => void {
  let bar: Progress | undefined;
  return (done, total) => {
    if (done === 1) bar = new Progress("images", total, { label: "read" });
    bar?.show(done);
    if (done === total) showProgress("");
  };
}
