/**
 * `deno task bench:canonical`: how much accuracy is left when the test images come in other ways than the data set stores
 * them: in other formats, enlarged, inverted, on other grounds, off centre, turned by EXIF.
 *
 * @module
 */
import { DATA_OPTION } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { Progress } from "../cli/ui/progress.ts";
import { print } from "../cli/ui/terminal.ts";
import { count } from "../lib/options.ts";
import { type Classifier, createClassifier } from "../models/classifier.ts";
import { loadDecoders } from "../models/image/decode.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { replaceSection } from "../training/card_section.ts";
import { type DataSet, imageAt } from "../training/datasets/data_set.ts";
import { readDataSet } from "../training/datasets/read_data_set.ts";
import { type Variant, variantsFor } from "./canonical/variants.ts";

/** Images that are classified together. */
const BATCH = 32;

/** Each line is printed when it is measured, so the column is as wide as the longest title. */
const TITLE_WIDTH = 46;

/** One line of the table. */
interface Measured {
  readonly title: string;
  readonly correct: number;
  readonly images: number;
}

async function measureModel(name: string, images: number, directory: string | undefined) {
  const [files] = await loadModels({ names: [name] });
  const data = await readDataSet(name, "test", directory);
  using classifier = await createClassifier(files!, await loadWasmBinary());
  const measured: Measured[] = [];
  for (const [title, variant] of Object.entries(variantsFor(data.channels))) {
    const correct = await countCorrect(classifier, data, Math.min(images, data.count), variant);
    measured.push({ title, correct, images: Math.min(images, data.count) });
    const [cell, ...others] = cells(measured.at(-1)!, measured[0]!);
    print([cell!.padEnd(TITLE_WIDTH), ...others].join("  "));
  }
  return measured;
}

async function countCorrect(
  classifier: Classifier,
  data: DataSet,
  images: number,
  variant: Variant,
): Promise<number> {
  const { width, height, channels } = data;
  const progress = new Progress("images", images);
  let correct = 0;
  for (let start = 0; start < images; start += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, images - start) }, (_, i) => start + i);
    const places = numbers.map((i) => Math.floor(i * data.count / images));
    const files = places.map((at, i) =>
      variant({ width, height, channels, data: imageAt(data, at) }, numbers[i]!)
    );
    await loadDecoders(files);
    classifier.classify(files).forEach((outcome, i) => {
      if (outcome.ok && outcome.top[0].index === data.labels[places[i]!]) correct++;
    });
    progress.show(start + files.length);
  }
  progress.end();
  return correct;
}

function cells({ title, correct, images }: Measured, first: Measured): string[] {
  const points = 100 * (correct / images - first.correct / first.images);
  const difference = title === first.title ? "" : `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(2)}`;
  return [title, String(correct), `${(100 * correct / images).toFixed(2)} %`, difference];
}

/** Into the model's card, for all test images. */
async function writeIntoCard(name: string, measured: readonly Measured[]): Promise<void> {
  const url = new URL(`../models/${name}/card.md`, import.meta.url);
  const rows = measured.map((line) => `| ${cells(line, measured[0]!).join(" | ")} |`);
  const text = [
    `The ${
      measured[0]!.images.toLocaleString("en")
    } test images as people send them, through the canonical form` +
    ` (\`deno task bench:canonical ${name} --card\`); the difference is in points:`,
    "",
    "| sent as | correct | accuracy | difference |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
  await Deno.writeTextFile(
    url,
    replaceSection(await Deno.readTextFile(url), "Other ways to send an image", text),
  );
}

await runTask({
  name: "bench:canonical",
  summary: "Measure the accuracy on test images in other formats, sizes and colours, on other grounds",
  operands: { form: "[MODEL…]", min: 0, max: Infinity },
  options: {
    ...DATA_OPTION,
    images: { ...count(10_000), default: 500, text: "number of test images" },
    card: {
      type: "flag",
      default: false,
      text: "measure all test images, and write the table into the model's card",
    },
  },
  examples: [
    ["deno task bench:canonical mnist --images 1000", "one model, in more images"],
    ["deno task bench:canonical --card", "all shipped models; takes hours"],
  ],
  async run({ operands, values: { data, images, card } }) {
    for (const name of operands.length > 0 ? operands : SHIPPED_MODELS) {
      print(name);
      const measured = await measureModel(name, card ? Infinity : images, data);
      if (card) await writeIntoCard(name, measured);
    }
    return 0;
  },
});
