import { MISTAKES } from "../../exit.ts";
import { Progress } from "../../ui/progress.ts";
import { resultCells } from "../../ui/result_cells.ts";
import { printable } from "../../../lib/printable.ts";
import { columns, dim, logError, print, showProgress } from "../../ui/terminal.ts";
import { columnsOf, padText } from "../../ui/text_width.ts";
import type { Outcome } from "./sender.ts";

/** What is sent, and how it is shown. */
export interface ReportOptions {
  /** One object per file, instead of text. */
  readonly json: boolean;
  /** Whether results are waited for. */
  readonly wait: boolean;
  /** Whether one file was typed: its id is printed alone, and nothing is counted. */
  readonly single: boolean;
  /** Number of files; `undefined` while they are still listed. */
  readonly total: number | undefined;
}

/** Prints a line per file as it happens, progress between the lines, and the counts at the end. */
export class SendReport {
  readonly #options: ReportOptions;
  readonly #progress: Progress | null;
  #fileWidth = 0;
  /** Images that were stored, and have a result if it was waited for. */
  #done = 0;
  /** Images that were classified before. */
  #known = 0;
  #failed = 0;
  #withoutResult = 0;
  #mistakes = 0;

  /** @param options What and how. */
  constructor(options: ReportOptions) {
    this.#options = options;
    this.#progress = options.single ? null : new Progress("images", options.total);
  }

  /** Number of files with an outcome. */
  get tried(): number {
    return this.#done + this.#known + this.#failed + this.#withoutResult;
  }

  /** The exit code: 2 if nothing was sent and every file is a mistake of the user, 1 if something failed. */
  get code(): number {
    if (this.tried > 0 && this.#mistakes === this.tried) return 2;
    return this.#failed + this.#withoutResult > 0 ? 1 : 0;
  }

  /** A file has its outcome. */
  add(outcome: Outcome): void {
    this.#count(outcome);
    const isOnTerminal = Deno.stdout.isTerminal() || outcome.error !== undefined;
    if (this.#progress && isOnTerminal) this.#progress.above(() => this.#print(outcome));
    else this.#print(outcome);
    this.#progress?.show(this.tried);
  }

  #print(outcome: Outcome): void {
    if (this.#options.json) print(toJson(outcome));
    else if (outcome.error) logError(`imagebus: ${printable(outcome.error.message)}`);
    else if (!outcome.isKnown) print(this.#line(outcome));
  }

  /**
   * Prints the counts, unless there is only one file.
   *
   * @param skipped Files in folders that are not named as images.
   */
  end(skipped: number): void {
    showProgress("");
    const { single, total, wait } = this.#options;
    if (single) return;
    const counts = [
      [this.#done, wait ? "classified" : "sent"],
      [this.#known, "classified before"],
      [this.#failed, "failed"],
      [this.#withoutResult, "without a result"],
      [(total ?? this.tried) - this.tried, "not tried"],
      [skipped, skipped === 1 ? "other file skipped" : "other files skipped"],
    ] as const;
    const shown = counts.filter(([count], i) => i === 0 || count > 0);
    logError(shown.map(([count, what]) => `${count.toLocaleString("en")} ${what}`).join(", "));
  }

  #count({ error, result, isKnown }: Outcome): void {
    if (error && (error.code === "timeout" || error.code === "interrupted")) this.#withoutResult++;
    else if (error || result?.status === "failed") this.#failed++;
    else if (isKnown) this.#known++;
    else this.#done++;
    if (error && MISTAKES.has(error.code)) this.#mistakes++;
  }

  #line({ file, id = "", result }: Outcome): string {
    if (result) {
      // Later lines are aligned with those before; how long the longest name is, is not known in advance.
      const name = printable(file);
      this.#fileWidth = Math.max(this.#fileWidth, columnsOf(name));
      return columns([[padText(name, this.#fileWidth), ...resultCells(result), dim(id)]]);
    }
    // One line whatever its length: programs read it.
    return this.#options.single ? id : `${dim(id)}  ${printable(file)}`;
  }
}

function toJson({ file, id, result, error, isKnown }: Outcome): string {
  return JSON.stringify({
    file,
    ...(result ?? { id }),
    ...isKnown && { sent: false },
    ...error && { error },
  });
}
