import { type Classifier, createClassifier, type ModelFiles } from "../../../models/classifier.ts";
import { defined } from "../../../lib/defined.ts";
import { directoryUrl, readUrl } from "../../../models/read_url.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { type ClassMapping, parseClassMapping } from "../../../training/datasets/class_mapping.ts";
import {
  evaluatePhotographs,
  expectPhotographs,
  type JudgedPhotograph,
} from "../../../training/evaluation/photographs.ts";
import { wilsonInterval } from "../../../training/report/statistics.ts";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { UsageError } from "../../command.ts";
import { Progress } from "../../ui/progress.ts";
import { printable } from "../../../lib/printable.ts";
import { bold, columns, fit, percent, print } from "../../ui/terminal.ts";

/** What is asked for; `photos` and `classes` are paths. */
export interface PhotographsRequest {
  readonly photos: string;
  readonly classes: string | undefined;
  readonly limit: number | undefined;
  readonly json: boolean;
}

const MAX_MAPPING_BYTES = 1_048_576;
const [CONFUSIONS_SHOWN, WRONG_SHOWN] = [3, 100];

/** Classifies the image files of a folder as they are, and prints accuracy, confusions and the wrong files. */
export async function measurePhotographs(files: ModelFiles, request: PhotographsRequest): Promise<void> {
  const { labels } = files.manifest;
  const all = await expectPhotographs(directoryUrl(request.photos), labels, await mappingOf(request));
  const photographs = all.slice(0, request.limit);
  if (photographs.length === 0) {
    throw new UsageError(
      `Cannot evaluate: ${request.photos} has no images of the model's classes; expected one folder per class,` +
        " or files whose names begin with a class",
    );
  }
  using classifier: Classifier = await createClassifier(files, await loadWasmBinary());
  const progress = new Progress("images", photographs.length);
  const startedAt = performance.now();
  const judged = await evaluatePhotographs(classifier, photographs, {
    onProgress: (done) => progress.show(done),
  });
  progress.end();
  const millisecondsPerImage = (performance.now() - startedAt) / judged.length;
  if (request.json) printJson(files, judged, millisecondsPerImage, request.photos);
  else printTables(judged, millisecondsPerImage);
}

/** Reads the mapping of `--classes`. */
export async function mappingOf(
  { classes }: { readonly classes: string | undefined },
): Promise<ClassMapping | undefined> {
  if (classes === undefined) return undefined;
  return parseClassMapping(await readUrl(pathToFileURL(resolve(classes)), MAX_MAPPING_BYTES), classes);
}

function printTables(judged: readonly JudgedPhotograph[], ms: number): void {
  const rows = [...Map.groupBy(judged, (each) => each.class)].map(([name, own]) => [
    printable(name),
    ...shareOf(own),
    confusionsOf(own),
  ]);
  print(columns([
    ["class", "images", "correct", "recall", "unknown", "most often taken for"].map(bold),
    ...rows,
    ["all", ...shareOf(judged), ""],
  ]));
  const { low, high } = wilsonInterval(judged.filter(({ correct }) => correct).length, judged.length);
  const interval = `${percent(low, 2)} – ${percent(high, 2)}`;
  print(fit(`\n95 % interval ${interval}; ${ms.toFixed(0)} ms per image, one at a time`));
  const wrong = judged.filter(({ correct }) => !correct);
  if (wrong.length === 0) return;
  print("");
  print(columns([
    ["wrong file", "classified as", "confidence"].map(bold),
    ...wrong.slice(0, WRONG_SHOWN).map((each) => [shorten(printable(each.name)), ...answerOf(each)]),
  ]));
  if (wrong.length > WRONG_SHOWN) print(`and ${wrong.length - WRONG_SHOWN} more; --json prints all`);
}

function shareOf(judged: readonly JudgedPhotograph[]): string[] {
  const correct = judged.filter((each) => each.correct).length;
  const unknown = judged.filter(({ outcome }) => outcome.ok && outcome.unknown).length;
  return [String(judged.length), String(correct), percent(correct / judged.length), String(unknown)];
}

function confusionsOf(judged: readonly JudgedPhotograph[]): string {
  const wrong = judged.filter(({ correct }) => !correct);
  return [...Map.groupBy(wrong, (each) => answerOf(each)[0])]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, CONFUSIONS_SHOWN)
    .map(([answer, { length }]) => `${answer} ${length}`)
    .join(", ");
}

function answerOf({ outcome }: JudgedPhotograph): [answer: string, confidence: string] {
  return outcome.ok ? [outcome.top[0].label, percent(outcome.top[0].confidence)] : [`(${outcome.code})`, ""];
}

/** So that a line of the table fits a terminal. */
function shorten(name: string): string {
  return name.length <= 50 ? name : `…${name.slice(-49)}`;
}

function printJson(
  { manifest: { name, version, labels } }: ModelFiles,
  judged: readonly JudgedPhotograph[],
  millisecondsPerImage: number,
  data: string,
): void {
  for (const { name: file, expected, outcome, correct } of judged) {
    const answer = outcome.ok
      ? {
        label: outcome.top[0].label,
        confidence: outcome.top[0].confidence,
        ...defined({ unknown: outcome.unknown }),
      }
      : { error: { code: outcome.code, message: outcome.message } };
    print(
      JSON.stringify({ file, expected: expected.map((position) => labels[position]), ...answer, correct }),
    );
  }
  const correct = judged.filter((each) => each.correct).length;
  const { value: accuracy, low, high } = wilsonInterval(correct, judged.length);
  const images = judged.length;
  print(
    JSON.stringify({
      model: name,
      version,
      data,
      images,
      correct,
      accuracy,
      low,
      high,
      millisecondsPerImage,
    }),
  );
}
