/**
 * `deno task unknown MODEL…`: trains how the shipped models recognise images that show none of their classes, chooses the
 * thresholds, measures them on test images, and writes manifests, weights and cards.
 *
 * @module
 */
import { mappingOf } from "../cli/commands/evaluate/photographs.ts";
import { UsageError } from "../cli/command.ts";
import { DATA_OPTION } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { logError, print } from "../cli/ui/terminal.ts";
import { count, flag } from "../lib/options.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { parseManifest } from "../models/manifest.ts";
import { directoryUrl } from "../models/read_url.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { replaceSection } from "../training/card_section.ts";
import { readTrainingData } from "../training/fitting/task.ts";
import { RECIPES } from "../training/recipes/recipes.ts";
import { calibrateUnknown, validationOf } from "../training/unknown/calibrate.ts";
import {
  groupOf,
  otherGroups,
  photographGroups,
  type Photographs,
} from "../training/unknown/image_groups.ts";
import { type MeasuredGroup, measureUnknown } from "../training/unknown/measure.ts";

const TITLE_WIDTH = 44;

function cells({ title, images, unknown }: MeasuredGroup): string[] {
  return [title, String(images), ...unknown.map(([, count]) => `${(100 * count / images).toFixed(1)} %`)];
}

function section(measured: readonly MeasuredGroup[], own: number): string {
  const ways = measured[0]!.unknown.map(([way]) => way);
  const row = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [
    `Images that probably show none of the classes are unknown: a small network on what the last layer is given, trained on` +
    ` training images of the classes, of other data sets, on noise and blank images, gives them a score below the threshold.` +
    ` It was chosen so that ${own} % of the validation images are unknown (\`deno task unknown\`). Share of unknown images,` +
    ` by the model and, for comparison, by other thresholds and scores (the energy of the logits, the largest` +
    ` probability) chosen on the same validation images:`,
    "",
    row(["images", "number", ...ways]),
    row(["---", "---", ...ways.map(() => "---")]),
    ...measured.map((group) =>
      row(cells({ ...group, title: `${group.title}${group.known ? " (its classes)" : ""}` }))
    ),
  ].join("\n");
}

async function write(files: ModelFiles): Promise<void> {
  const { manifest, scorerWeights } = files;
  const folder = new URL(`../models/${manifest.name}/`, import.meta.url);
  if (manifest.unknown?.score === "features") {
    await Deno.writeFile(new URL(manifest.unknown.weights.file, folder), scorerWeights!);
  }
  await Deno.writeTextFile(new URL("manifest.json", folder), JSON.stringify(manifest, null, 2) + "\n");
}

async function writeCard(name: string, text: string): Promise<void> {
  const card = new URL(`../models/${name}/card.md`, import.meta.url);
  await Deno.writeTextFile(card, replaceSection(await Deno.readTextFile(card), "Unknown images", text));
}

await runTask({
  name: "unknown",
  summary: "Train how shipped models recognise images that show none of their classes, and measure it",
  operands: { form: "MODEL…", min: 1, max: Infinity },
  options: {
    ...DATA_OPTION,
    photos: {
      type: "text",
      value: "DIR",
      text: "photographs to train on too, as evaluate --photos takes them",
    },
    testPhotos: { type: "text", value: "DIR", text: "photographs to measure on" },
    classes: {
      type: "text",
      value: "FILE",
      text:
        "JSON that maps the classes of the photographs to labels; those without a label of the model are others",
    },
    perMille: { ...count(300), default: 10, text: "how many of 1,000 validation images may be unknown" },
    images: {
      ...count(10_000),
      default: 1_000,
      text: "number of images per group, and ten times as many test images of its own",
    },
    measure: flag("keep what the models have, and only measure it"),
  },
  examples: [
    ["deno task unknown mnist --per-mille 5", "train, measure, and write manifest, weights and card"],
    ["deno task unknown cifar-10 --measure", "measure what is in the manifest, and write the card"],
  ],
  async run({ operands, values }) {
    for (const name of operands) await one(name, values);
    return 0;
  },
});

interface Values {
  readonly data: string | undefined;
  readonly photos: string | undefined;
  readonly testPhotos: string | undefined;
  readonly classes: string | undefined;
  readonly perMille: number;
  readonly images: number;
  readonly measure: boolean;
}

async function one(name: string, { data, photos, testPhotos, classes, perMille, images, measure }: Values) {
  const recipe = RECIPES.find((each) => each.name === name);
  if (recipe === undefined || !SHIPPED_MODELS.includes(name)) {
    throw new UsageError(`There is no shipped model "${name}"; expected ${SHIPPED_MODELS.join(", ")}`);
  }
  const mapping = await mappingOf({ classes }) ?? new Map();
  const inFolder = (folder?: string): Photographs | undefined =>
    folder === undefined ? undefined : { folder: directoryUrl(folder), mapping };
  const [old] = await loadModels({ names: [name] });
  const share = perMille / 1000;
  const onStep = (step: string) => logError(`${name}: ${step}`);
  let files = old!;
  let validation;
  if (measure) validation = await validationOf(files, { recipe, data, onStep });
  else {
    const made = await calibrateUnknown(files, {
      recipe,
      share,
      data,
      photographs: inFolder(photos),
      limit: images,
      onStep,
    });
    const manifest = parseManifest({ ...files.manifest, unknown: made.unknown }, name);
    files = { ...files, manifest, scorerWeights: made.scorerWeights };
    validation = made.validation;
    await write(files);
  }
  const test = await readTrainingData(recipe.data, "test", data, recipe.form);
  const shown = inFolder(testPhotos);
  const groups = [
    groupOf(test, true, 10 * images),
    ...shown ? await photographGroups(shown, files.manifest.labels, images) : [],
    ...await otherGroups(recipe.data, "test", data, images),
  ];
  const measured = await measureUnknown(files, validation, share, groups, (group) => {
    const [title, ...others] = cells(group);
    print([title!.padEnd(TITLE_WIDTH), ...others.map((cell) => cell.padStart(8))].join(" "));
  });
  await writeCard(name, section(measured, perMille / 10));
}
