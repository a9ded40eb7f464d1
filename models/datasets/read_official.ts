import { ModelError } from "../errors.ts";
import { showUrl } from "../read_url.ts";
import { readCifarBatch } from "./cifar.ts";
import type { DataSet, Split } from "./data_set.ts";
import { readIdx } from "./idx.ts";
import type { OfficialDataSet } from "./official.ts";

/**
 * Reads a published data set in its official form. Checksums are not looked at: a file of the right form is read.
 *
 * @param set Which one.
 * @param split Which part.
 * @param directory The directory of all data sets.
 * @returns The images with their labels, in the order of the files.
 * @throws {ModelError} `not_found`, with how to get it; `denied`; `damaged`: not of the official form, or a label out of
 * range.
 */
export async function readOfficial(set: OfficialDataSet, split: Split, directory: URL): Promise<DataSet> {
  const folder = new URL(`${set.folder}/`, directory);
  const urls = set.files[split].map(({ name }) => new URL(name, folder));
  try {
    const { pixels, labels } = await readFiles(set, set.counts[split], urls);
    const { side, channels, classes } = set;
    const title = `${set.title} ${split}`;
    return { title, width: side, height: side, channels, count: labels.length, pixels, labels, classes };
  } catch (error) {
    if (!(error instanceof ModelError && error.code === "not_found")) throw error;
    const how = `get it by: deno task data get ${set.name} --data ${showUrl(directory)}`;
    throw new ModelError("not_found", `${error.message}; ${how}`, { cause: error });
  }
}

/** One after the other, so that of several missing files the first is named. */
async function readFiles(
  { format, side, classes }: OfficialDataSet,
  count: number,
  urls: readonly URL[],
): Promise<{ pixels: Uint8Array; labels: Uint8Array }> {
  if (format === "idx") {
    const [images, answers] = urls as [URL, URL];
    const pixels = await readIdx(images, [count, side, side]);
    const labels = await readIdx(answers, [count]);
    checkLabels(labels, classes.length, answers);
    return { pixels, labels };
  }
  const pixels = new Uint8Array(count * side * side * 3);
  const labels = new Uint8Array(count);
  const [sizes, counts] = [pixels.length / urls.length, count / urls.length];
  for (const [i, url] of urls.entries()) {
    const batch = await readCifarBatch(url);
    checkLabels(batch.labels, classes.length, url);
    pixels.set(batch.pixels, i * sizes);
    labels.set(batch.labels, i * counts);
  }
  return { pixels, labels };
}

function checkLabels(labels: Uint8Array, classes: number, url: URL): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong === -1) return;
  const message = `${showUrl(url)}: label ${wrong} is ${labels[wrong]}; it must be from 0 to ${classes - 1}`;
  throw new ModelError("damaged", message);
}
