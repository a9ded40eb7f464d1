import type { Classified, Result } from "../../../bus/result.ts";
import { mapConcurrent } from "../../../lib/map_concurrent.ts";
import type { DataSet } from "../../../training/datasets/data_set.ts";
import { encodedImages } from "../../../training/evaluation/evaluate.ts";
import type { Arguments } from "../../command.ts";
import { type BUS_OPTIONS, openExistingBus, type TIMEOUT_OPTION } from "../../options.ts";
import { Progress } from "../../ui/progress.ts";

/** A measurement over a bus. */
export interface MeasuredOverBus {
  readonly model: string;
  readonly data: string;
  /** Number of images sent. */
  readonly images: number;
  /** Number of results, each id counted once. */
  readonly results: number;
  readonly correct: number;
  /** Correct results among all images sent, 0 to 1. */
  readonly accuracy: number;
  /** Number of results that are unknown, and of those whose label is correct all the same. */
  readonly unknown: number;
  readonly correctUnknown: number;
  /** Time from the first image to the last result. */
  readonly seconds: number;
  readonly bus: string;
}

const MAX_SENDING = 512;

/** Sends every image of a data set to a bus, and counts the correct results. */
export async function evaluateOverBus(
  model: string,
  data: DataSet,
  args: Arguments<typeof BUS_OPTIONS & typeof TIMEOUT_OPTION>,
): Promise<MeasuredOverBus> {
  await using bus = await openExistingBus(args);
  const tally = new Tally(data, args.values.timeoutMs);
  await using results = bus.results({ model });
  await results.ready;
  const startedAt = performance.now();
  const receiving = tally.receive(results);
  const sending = mapConcurrent(
    encodedImages(data),
    MAX_SENDING,
    ({ png, label }, i) => bus.send(png, { model, id: `${tally.run}-${i}`, actual: String(label) }),
  );
  await Promise.all([sending, receiving]);
  const { count, correct, unknown, correctUnknown } = tally;
  const seconds = (tally.lastAt - startedAt) / 1000;
  const { url } = bus.transport;
  const accuracy = correct / data.count;
  return {
    model,
    data: data.title,
    images: data.count,
    results: count,
    correct,
    accuracy,
    unknown,
    correctUnknown,
    seconds,
    bus: url,
  };
}

/** The results of one run; one that is delivered again is counted once. */
class Tally {
  /** Prefix of the ids of this run. */
  readonly run: string = crypto.randomUUID().slice(0, 13);
  correct = 0;
  unknown = 0;
  correctUnknown = 0;
  lastAt: number = performance.now();
  readonly #data: DataSet;
  readonly #timeoutMs: number;
  readonly #seen = new Set<number>();
  readonly #progress: Progress;

  constructor(data: DataSet, timeoutMs: number) {
    this.#data = data;
    this.#timeoutMs = timeoutMs;
    this.#progress = new Progress("results", data.count);
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Resolves when all results have arrived, or none has for the timeout. */
  async receive(results: AsyncIterable<Result> & { close(): Promise<void> }): Promise<void> {
    let timer = this.#closeLater(results);
    for await (const result of results) {
      if (!this.#count(result)) continue;
      clearTimeout(timer);
      if (this.count === this.#data.count) break;
      timer = this.#closeLater(results);
    }
    clearTimeout(timer);
    this.#progress.end();
  }

  #closeLater(results: { close(): Promise<void> }): ReturnType<typeof setTimeout> {
    return setTimeout(() => void results.close(), this.#timeoutMs);
  }

  #count(result: Result): boolean {
    if (!result.id.startsWith(`${this.run}-`)) return false;
    const i = Number(result.id.slice(this.run.length + 1));
    if (this.#seen.has(i)) return false;
    this.#seen.add(i);
    if (result.status === "classified") this.#judge(result, isCorrect(result, this.#data, i));
    this.lastAt = performance.now();
    this.#progress.show(this.count);
    return true;
  }

  #judge({ unknown = false }: Classified, isCorrect: boolean): void {
    if (isCorrect) this.correct++;
    if (unknown) this.unknown++;
    if (isCorrect && unknown) this.correctUnknown++;
  }
}

/** By name: the model on the bus may have its classes in another order. */
function isCorrect({ label }: Classified, { classes, labels }: DataSet, i: number): boolean {
  return label === classes[labels[i]!];
}
