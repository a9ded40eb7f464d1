import { join } from "node:path";
import type { Bus } from "../../bus/bus.ts";
import type { Answer, Comparison } from "../../bus/comparison.ts";
import { decodeRequest, type Request } from "../../bus/envelope.ts";
import { mediaType } from "../../bus/image_source.ts";
import { requestTopic } from "../../bus/topics.ts";
import { plural } from "../../lib/plural.ts";
import { type Classifier, createClassifier, type Outcome } from "../../models/classifier.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { loadVersion } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, NO_OPERANDS, UsageError } from "../command.ts";
import { agrees, printComparisons, withLabelNames } from "../comparison_summary.ts";
import { modelSearch } from "../models_directory.ts";
import {
  BUS_OPTIONS,
  JSON_OPTION,
  MODELS_DIRS_OPTION,
  openExistingBus,
  RESULTS_OPTION,
  sinceOption,
} from "../options.ts";
import { fileFailure } from "../file_failure.ts";
import { fileNameOf } from "../file_name_of.ts";
import { openResults, type StoredResults } from "../stored_results/stored_results.ts";
import { Progress } from "../ui/progress.ts";
import { logError } from "../ui/terminal.ts";
import { parseVersion } from "./models/serve.ts";

const OPTIONS = {
  model: { type: "text", value: "NAME@VERSION", text: "version that classifies the images again" },
  since: sinceOption("only images that were sent since then"),
  export: {
    type: "text",
    value: "DIR",
    text: "directory for the images on which the versions disagree, with their answers as JSON",
  },
  ...BUS_OPTIONS,
  ...RESULTS_OPTION,
  ...MODELS_DIRS_OPTION,
  ...JSON_OPTION,
} as const;
type Args = Arguments<typeof OPTIONS>;

const BATCH = 64;

/** Classifies the images that the bus still keeps by another version, and compares the answers with the results. */
export const reclassify = defineCommand({
  name: "reclassify",
  summary: "Classify the images that the bus keeps by another version, and compare it with the results",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["imagebus reclassify --model shapes@1.1.0 --since 2h", "in this process: nothing is sent or stored"],
    [
      "imagebus reclassify --model shapes@1.1.0 --export ./differ",
      "write the images on which they disagree",
    ],
  ],
  permissions: BUS_PERMISSIONS,
  async run(args) {
    if (args.values.model === undefined) {
      throw new UsageError("Cannot reclassify: no version is given; expected --model NAME@VERSION");
    }
    const { name, version } = parseVersion(args.values.model, "reclassify");
    const files = await loadVersion(name, version, await modelSearch(args));
    await using results = await openResults(args);
    await using bus = await openExistingBus(args);
    using classifier = await createClassifier(files, await loadWasmBinary());
    const { compared, unknown } = await compareAll({ args, bus, name, version, results, classifier });
    if (unknown > 0) {
      logError(`Not compared: ${plural(unknown, "image")} without a result in ${results.name}`);
    }
    if (compared.length === 0) {
      logError(`The bus keeps no image of ${name} with a result`);
      return 1;
    }
    printComparisons(withLabelNames(compared, files.manifest.labels), args.values.json);
    return 0;
  },
});

interface Work {
  readonly args: Args;
  readonly bus: Bus;
  readonly name: string;
  readonly version: string;
  readonly results: StoredResults;
  readonly classifier: Classifier;
}

async function compareAll(work: Work): Promise<{ compared: Comparison[]; unknown: number }> {
  const { args: { values }, bus, name, results } = work;
  const compared: Comparison[] = [];
  let unknown = 0;
  const progress = new Progress("images", undefined);
  const run = async (requests: readonly Request[]) => {
    const found = await withAnswers(results, requests);
    unknown += requests.length - found.length;
    const comparisons = await classify(work, found);
    compared.push(...comparisons);
    if (values.export !== undefined) await exportThose(values.export, found, comparisons);
    progress.show(compared.length);
  };
  const from = values.since ?? "start";
  await using subscription = await bus.transport.subscribe([requestTopic(name)], { from, until: "end" });
  const waiting: Request[] = [];
  // What was sent again with the same id has one result.
  const seen = new Set<string>();
  for await (const { messages } of subscription) {
    for (const message of messages) {
      const decoded = decodeRequest(message);
      if (!decoded.ok || decoded.request.model !== name || seen.has(decoded.request.id)) continue;
      seen.add(decoded.request.id);
      waiting.push(decoded.request);
      if (waiting.length === BATCH) await run(waiting.splice(0));
    }
  }
  if (waiting.length > 0) await run(waiting);
  progress.end();
  return { compared, unknown };
}

interface Known {
  readonly request: Request;
  readonly served: Answer;
}

/** The requests that have results, with what was answered. */
async function withAnswers(results: StoredResults, requests: readonly Request[]): Promise<Known[]> {
  const answers = new Map<string, Answer>();
  for await (const rows of results.pages({ ids: requests.map(({ id }) => id) })) {
    for (const { id, model_version, label, confidence } of rows) {
      answers.set(id, { version: model_version, label, confidence } as Answer);
    }
  }
  return requests.flatMap((request) => {
    const served = answers.get(request.id);
    return served === undefined ? [] : [{ request, served }];
  });
}

async function classify({ name, version, classifier }: Work, known: readonly Known[]): Promise<Comparison[]> {
  if (known.length === 0) return [];
  const images = known.map(({ request }) => request.image);
  await loadDecoders(images);
  const at = new Date().toISOString();
  return classifier.classify(images).map((outcome, i) => {
    const { request: { id, actual = null }, served } = known[i]!;
    return { id, model: name, actual, served: { ...served }, other: answerOf(outcome, version), at };
  });
}

function answerOf(outcome: Outcome, version: string): Answer {
  if (!outcome.ok) return { version, label: null, confidence: null };
  const [{ label, confidence }] = outcome.top;
  return { version, label, confidence };
}

async function exportThose(
  directory: string,
  known: readonly Known[],
  comparisons: readonly Comparison[],
): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true });
    for (const [i, comparison] of comparisons.entries()) {
      if (!agrees(comparison)) await exportOne(directory, known[i]!.request, comparison);
    }
  } catch (cause) {
    throw fileFailure("write", directory, cause);
  }
}

async function exportOne(directory: string, { id, image }: Request, comparison: Comparison): Promise<void> {
  const extension = mediaType(image).split("/")[1]!.replace(/[^a-z0-9]/g, "");
  const name = fileNameOf(id, "image");
  const file = `${name}.${extension}`;
  await Deno.writeFile(join(directory, file), image);
  const about = JSON.stringify({ ...comparison, file }, null, 2) + "\n";
  await Deno.writeTextFile(join(directory, `${name}.json`), about);
}
