import type { Bus } from "../bus/bus.ts";
import type { Result } from "../bus/result.ts";
import { createClassifier } from "../models/classifier.ts";
import { loadModels } from "../models/registry.ts";
import { type DataSet, sliceDataSet } from "../models/datasets/data_set.ts";
import type { DataSetName } from "../models/datasets/official.ts";
import { readDataSet } from "../models/datasets/read_data_set.ts";
import { encodedImages, evaluate as evaluateHere } from "../models/training/evaluate.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { BUS_OPTIONS, JSON_OPTION, MODELS_DIR_OPTION, openBus } from "./options.ts";
import { Progress } from "./progress.ts";
import { didYouMean } from "./suggestion.ts";
import { columns, percent, print } from "./terminal.ts";

/** Measures a model on its test images. */
export const evaluate: Command = {
  name: "evaluate",
  summary: "Measure a model on the test images of its data set, here or through a bus",
  operands: "NAME",
  options: {
    ...BUS_OPTIONS,
    data: { type: "string", value: "DIR", description: "where the data sets are; default ./data" },
    limit: { type: "number", value: "N", description: "only the first N images", range: [1, 1_000_000] },
    "timeout-ms": {
      type: "number",
      value: "MS",
      description: "with a bus: give up when no result came for so long; default 60000",
      range: [1, 86_400_000],
    },
    ...MODELS_DIR_OPTION,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus evaluate mnist --data ~/data", "here, without a bus"],
    ["imagebus evaluate mnist --bus sqlite:/tmp/bus.db", "send them all to a worker on that bus"],
    ["imagebus evaluate mnist --bus kafka://localhost:9092 --json", "the same on Kafka, for programs"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

/** What was measured; with `--json` it is the last line. */
interface Measured {
  readonly model: string;
  readonly data: string;
  /** How many were sent. */
  readonly images: number;
  /** How many answers came, each counted once. */
  readonly results: number;
  readonly correct: number;
  /** Share of right answers among all images, 0 to 1. */
  readonly accuracy: number;
  /** From the first image to the last answer. */
  readonly seconds: number;
  readonly bus: string | null;
}

async function run(args: Arguments): Promise<number> {
  const [model, ...more] = args.operands;
  if (model === undefined || more.length > 0) {
    throw new UsageError("evaluate needs one model: imagebus evaluate mnist");
  }
  const data = await testData(model, args);
  const measured = args.text("bus") === undefined
    ? await measureHere(model, data, args)
    : await measureBus(model, data, args);
  report(measured, args.flag("json"));
  return measured.results === measured.images ? 0 : 1;
}

/** A model is measured on the data set that it is named for. */
const DATA_SETS: readonly DataSetName[] = ["fashion-mnist", "mnist"];

function isDataSet(name: string): name is DataSetName {
  return DATA_SETS.some((known) => known === name);
}

async function testData(model: string, args: Arguments): Promise<DataSet> {
  if (!isDataSet(model)) {
    throw new UsageError(`There are no test images for "${model}"${didYouMean(model, DATA_SETS)}`);
  }
  const data = await readDataSet(model, "test", args.text("data"));
  const limit = args.number("limit") ?? data.count;
  return limit < data.count ? sliceDataSet(data, 0, limit) : data;
}

async function measureHere(model: string, data: DataSet, args: Arguments): Promise<Measured> {
  const dir = args.text("models-dir");
  const [files] = await loadModels({ names: [model], ...(dir !== undefined && { dirs: [dir] }) });
  using classifier = await createClassifier(files!, await loadWasmBinary());
  const progress = new Progress("images", data.count);
  const { images, correct, accuracy, seconds } = await evaluateHere(classifier, data, {
    onProgress: (done) => progress.show(done),
  });
  progress.end();
  return { model, data: data.title, images, results: images, correct, accuracy, seconds, bus: null };
}

async function measureBus(model: string, data: DataSet, args: Arguments): Promise<Measured> {
  await using bus = await openBus(args);
  const answers = new Answers(data, args.number("timeout-ms") ?? 60_000);
  await using results = bus.results({ model });
  await results.ready;
  const begun = performance.now();
  const receiving = answers.receive(results);
  await Promise.all([sendAll(bus, model, data, answers.run), receiving]);
  const { count, correct } = answers;
  const seconds = (answers.lastAt - begun) / 1000;
  const { url } = bus.transport;
  const accuracy = correct / data.count;
  return {
    model,
    data: data.title,
    images: data.count,
    results: count,
    correct,
    accuracy,
    seconds,
    bus: url,
  };
}

const SENDS_AT_ONCE = 512;

async function sendAll(bus: Bus, model: string, data: DataSet, run: string): Promise<void> {
  const pending = new Set<Promise<unknown>>();
  let i = 0;
  for (const { png, label } of encodedImages(data)) {
    const sending = bus.send(png, { model, id: `${run}-${i++}`, actual: String(label) });
    pending.add(sending);
    sending.then(() => pending.delete(sending), () => {});
    if (pending.size >= SENDS_AT_ONCE) await Promise.race(pending);
  }
  await Promise.all(pending);
}

/** The answers to the images of one run, each counted once however often it comes. */
class Answers {
  /** Begins the id of each image of this run. */
  readonly run: string = crypto.randomUUID().slice(0, 13);
  correct = 0;
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

  /** Resolves when all have come, or none has for too long. */
  async receive(results: AsyncIterable<Result> & { close(): Promise<void> }): Promise<void> {
    let timer = this.#giveUp(results);
    for await (const result of results) {
      if (!this.#take(result)) continue;
      clearTimeout(timer);
      if (this.count === this.#data.count) break;
      timer = this.#giveUp(results);
    }
    clearTimeout(timer);
    this.#progress.end();
  }

  #giveUp(results: { close(): Promise<void> }): ReturnType<typeof setTimeout> {
    return setTimeout(() => void results.close(), this.#timeoutMs);
  }

  #take(result: Result): boolean {
    if (!result.id.startsWith(`${this.run}-`)) return false;
    const i = Number(result.id.slice(this.run.length + 1));
    if (this.#seen.has(i)) return false;
    this.#seen.add(i);
    if (result.status === "classified" && result.index === this.#data.labels[i]) this.correct++;
    this.lastAt = performance.now();
    this.#progress.show(this.count);
    return true;
  }
}

function report(measured: Measured, json: boolean): void {
  const { model, data, images, results, correct, accuracy, seconds, bus } = measured;
  const imagesPerSecond = Math.round(results / seconds);
  if (json) return print(JSON.stringify({ ...measured, imagesPerSecond }));
  print(columns([
    ["model", model],
    ["data", `${data}, ${images} images`],
    ["bus", bus ?? "none: classified in this process"],
    ["results", `${results} of ${images}`],
    ["accuracy", `${percent(accuracy, 2)} (${correct} right)`],
    ["images a second", String(imagesPerSecond)],
  ]));
}
