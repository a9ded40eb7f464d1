import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createClassifier, type ModelFiles } from "../../../models/classifier.ts";
import { type DataSet, sliceDataSet } from "../../../training/datasets/data_set.ts";
import { OFFICIAL_DATA_SETS } from "../../../training/datasets/official.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { checkFilePlace } from "../../../models/model_folder.ts";
import { listModels, loadModels, type ModelEntry } from "../../../models/registry.ts";
import { measureCalibration } from "../../../training/report/calibration.ts";
import { wilsonInterval } from "../../../training/report/statistics.ts";
import {
  countUnknown,
  evaluate as evaluateHere,
  type Evaluation,
  EVALUATION_BATCH,
} from "../../../training/evaluation/evaluate.ts";
import { readTrainingData } from "../../../training/fitting/task.ts";
import { readTrainingLog, type TrainingLog } from "../../../training/training_log.ts";
import { alignLabels } from "../../../training/evaluation/align_labels.ts";
import { firstImages } from "../../../training/write_model.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, UsageError } from "../../command.ts";
import { plural } from "../../../lib/plural.ts";
import { count, flagOf, type OptionTable, time } from "../../../lib/options.ts";
import { evaluateOverBus, type MeasuredOverBus } from "./bus.ts";
import { measurePhotographs } from "./photographs.ts";
import { BUS_OPTIONS, DATA_OPTION, FORM_OPTIONS, JSON_OPTION, MODELS_DIRS_OPTION } from "../../options.ts";
import { modelSearch } from "../../models_directory.ts";
import { Progress } from "../../ui/progress.ts";
import { bold, columns, fit, percent, print } from "../../ui/terminal.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  bus: {
    ...BUS_OPTIONS.bus,
    typed: true,
    otherwise: "none: the model runs in this process",
    text: "send the images to the services on this bus: kafka://HOST:PORT or sqlite:PATH",
  },
  ...DATA_OPTION,
  on: {
    type: "text",
    otherwise: "the data set it was trained on",
    value: "NAME|DIR",
    text: "data set or folder of images to measure on",
  },
  skipBad: FORM_OPTIONS.skipBad,
  photos: {
    type: "text",
    value: "DIR",
    text: "instead, image files as they are: a folder per class, or names that begin with the class",
  },
  classes: {
    type: "text",
    value: "FILE",
    text: "with --photos: JSON that maps classes to labels; an empty list leaves a class out",
  },
  limit: { ...count(1_000_000), short: "n", text: "use only the first N images" },
  report: { type: "text", value: "FILE", text: "write an HTML report with plots" },
  timeoutMs: {
    ...time(1, 86_400_000),
    default: 60_000,
    text: "with --bus: stop when no result has arrived for this time",
  },
  ...MODELS_DIRS_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Measures a model on test images. */
export const evaluate = defineCommand({
  name: "evaluate",
  summary: "Measure the accuracy of a model on test images",
  operands: { form: "NAME", min: 1, max: 1 },
  options: OPTIONS,
  examples: [
    ["imagebus evaluate mnist --data ~/data", "in this process, without a bus"],
    [
      "imagebus evaluate mnist --report mnist.html",
      "with a report: plots, the most confident mistakes",
    ],
    ["imagebus evaluate cifar-10 --on cifar-10-grey", "on the images converted to 28×28 grey"],
    ["imagebus evaluate fashion-mnist --photos ./shop", "on photographs, and list the wrong ones"],
    [
      "imagebus evaluate mnist --bus kafka://localhost:9092 --json",
      "send all images to the services on Kafka",
    ],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

async function run(args: Args): Promise<number> {
  const [name = ""] = args.operands;
  const { bus, photos, classes, limit, json } = args.values;
  checkCombination(args);
  const search = { names: [name], ...await modelSearch(args) };
  if (photos !== undefined) {
    const [files] = await loadModels(search);
    await measurePhotographs(files!, { photos, classes, limit, json });
    return 0;
  }
  const { report } = args.values;
  if (report !== undefined) await checkFilePlace(pathToFileURL(resolve(report)), true);
  const [entry] = await listModels(search);
  if (bus !== undefined) return await measureBus(name, args, entry);
  const [files] = await loadModels(search);
  const log = await readTrainingLog(entry!.folder);
  const tests = await testData(name, args, log, files!.manifest);
  const evaluations = await measureHere(files!, tests, log, args);
  show(files!.manifest, evaluations, args.values.json);
  if (report !== undefined) {
    const { writeModelReport } = await import("../../report.ts");
    await writeModelReport(report, files!.manifest, evaluations, tests[0], log);
  }
  return 0;
}

/** Options that would have no effect are rejected if they were typed: variables are set for other commands too. */
function checkCombination(args: Args): void {
  const { photos, bus } = args.values;
  if (photos !== undefined) refuse(["bus", "on", "data", "report"], "with --photos", args);
  else refuse(["classes"], "without --photos", args);
  if (bus !== undefined) refuse(["report"], "with --bus", args);
  else {
    const others = Object.keys(BUS_OPTIONS).filter((name) => name !== "bus") as (keyof typeof BUS_OPTIONS)[];
    refuse(["timeoutMs", ...others], "without --bus", args);
  }
}

function refuse(names: readonly (keyof Args["values"])[], where: string, args: Args): void {
  const name = names.find((name) => args.sources.get(name) === "flag");
  if (name !== undefined) throw new UsageError(`Cannot use ${flagOf(name)} ${where}; leave one of them out`);
}

async function measureHere(
  files: ModelFiles,
  [data, ...others]: TestData,
  log: TrainingLog | undefined,
  args: Args,
): Promise<[Evaluation, ...Evaluation[]]> {
  using classifier = await createClassifier(files, await loadWasmBinary());
  const measure = async (data: DataSet) => {
    const progress = new Progress("images", data.count);
    const evaluation = await evaluateHere(classifier, data, { onProgress: (done) => progress.show(done) });
    progress.end();
    return evaluation;
  };
  const whole = await measure(data);
  const firstOnly = args.values.on === undefined ? firstImages(log?.firstTestImages, whole, data) : [];
  const evaluations: [Evaluation, ...Evaluation[]] = [whole, ...firstOnly];
  for (const other of others) evaluations.push(await measure(other));
  return evaluations;
}

/** A model that is not here can be served there: its classes are then taken to be those of the data. */
async function measureBus(name: string, args: Args, entry: ModelEntry | undefined): Promise<number> {
  const log = entry && await readTrainingLog(entry.folder);
  const manifest = entry && "manifest" in entry ? entry.manifest : undefined;
  const [data] = await testData(name, args, log, manifest);
  const measured = await evaluateOverBus(name, data, args);
  showBus(measured, args.values.json);
  return measured.results === measured.images ? 0 : 1;
}

/** The images to measure on, then those of the other data sets on the model's card. */
type TestData = readonly [DataSet, ...DataSet[]];

/** The data set of `--on`, else the one the model was trained on. */
async function testData(
  name: string,
  args: Args,
  log?: TrainingLog,
  manifest?: Manifest,
): Promise<TestData> {
  const isOfficial = OFFICIAL_DATA_SETS.some((set) => set.name === name);
  const given = args.values.on;
  const on = given ?? log?.data ?? (isOfficial ? name : undefined);
  if (on === undefined) {
    throw new UsageError(
      `Cannot evaluate ${name}: its data set is unknown; expected --on, such as --on ./shapes`,
    );
  }
  const { width, height, channels } = manifest?.input ?? {};
  const { skipBad } = args.values;
  const form = width && height && channels ? { width, height, channels, skipBad } : { skipBad };
  const read = async (source: string) => {
    const all = await readTrainingData(source, "test", args.values.data, form);
    const data = manifest ? alignLabels(all, manifest) : all;
    const limit = args.values.limit ?? data.count;
    return limit < data.count ? sliceDataSet(data, 0, limit) : data;
  };
  const others = given === undefined ? log?.otherTests ?? [] : [];
  return [await read(on), ...await Promise.all(others.map(read))];
}

function show(
  { name, labels, temperature = 1 }: Manifest,
  evaluations: readonly Evaluation[],
  json: boolean,
): void {
  const measured = evaluations.map((evaluation) => {
    const { data, images, correct, accuracy, seconds } = evaluation;
    const calibration = measureCalibration(evaluation, labels.length, temperature);
    return {
      model: name,
      data,
      images,
      correct,
      accuracy,
      interval: wilsonInterval(correct, images),
      ...unknownOf(evaluation),
      expectedCalibrationError: calibration.expectedError,
      millisecondsPerImage: 1000 * seconds / images,
      seconds,
      imagesPerSecond: Math.round(images / seconds),
      bus: null,
    };
  });
  if (json) {
    for (const { interval: { low, high }, ...line } of measured) {
      print(JSON.stringify({ ...line, low, high }));
    }
    return;
  }
  const header = ["data", "images", "correct", "accuracy", "95 % interval", "calib. error"].map(bold);
  print(columns([
    header,
    ...measured.map(({ data, images, correct, accuracy, interval, expectedCalibrationError }) => [
      data,
      String(images),
      String(correct),
      percent(accuracy, 2),
      `${percent(interval.low, 2)} – ${percent(interval.high, 2)}`,
      percent(expectedCalibrationError, 2),
    ]),
  ]));
  for (const { data, images, unknown, accuracyOfKnown, knownCorrect } of measured) {
    if (unknown === undefined) continue;
    const share = percent(unknown / images, 2);
    const [without, wrong] = [accuracyOfKnown, knownCorrect / images].map((share) => percent(share, 2));
    print(
      fit(
        `${data}: ${unknown} unknown (${share}); accuracy ${without} without them, ${wrong} if they count as wrong`,
      ),
    );
  }
  const { millisecondsPerImage, imagesPerSecond } = measured[0]!;
  const speed = `${
    millisecondsPerImage.toFixed(2)
  } ms per image from PNG to label, ${imagesPerSecond} images/s`;
  print(fit(`\n${speed}: one thread, batches of ${EVALUATION_BATCH}`));
}

/** Of images of the model's classes: how many are unknown, and the accuracy without them. */
function unknownOf(evaluation: Evaluation) {
  const unknown = countUnknown(evaluation);
  if (unknown === undefined) return {};
  const knownCorrect = evaluation.correct - unknown.correct;
  const accuracyOfKnown = knownCorrect / (evaluation.images - unknown.images);
  return { unknown: unknown.images, knownCorrect, accuracyOfKnown };
}

function showBus(measured: MeasuredOverBus, json: boolean): void {
  const { model, data, images, results, correct, accuracy, unknown, correctUnknown, seconds, bus } = measured;
  const imagesPerSecond = Math.round(results / seconds);
  if (json) return print(JSON.stringify({ ...measured, imagesPerSecond }));
  print(columns([
    ["model", model],
    ["data", `${data}, ${plural(images, "image")}`],
    ["bus", bus],
    ["results", `${results} of ${images}`],
    ["accuracy", `${percent(accuracy, 2)} (${correct} correct)`],
    ["unknown", `${unknown} (${correctUnknown} of them correct)`],
    ["images/s", String(imagesPerSecond)],
  ]));
}
