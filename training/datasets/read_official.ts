import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import { type CifarBatch, readCifarBatch } from "./cifar.ts";
import type { DataSet, Split } from "./data_set.ts";
import { readIdx } from "./idx.ts";
import type { OfficialDataSet } from "./official.ts";

/**
 * Reads a published data set in its official form. Checksums are not verified.
 *
 * @param set Which one.
 * @param split Training or test.
 * @param directory The data directory.
 * @returns The images in the order of the files.
 * @throws {ModelError} `not_found`, with how to get it; `denied`; `damaged`: not of the official form, or a
 * label that is out of range.
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
    const how = `get it with: deno task data get ${set.name} --data ${showUrl(directory)}`;
    throw new ModelError("not_found", `${error.message}; ${how}`, { cause: error });
  }
}

/**
 * Checks that a file has the official form, whatever its checksum is.
 *
 * @param set The data set that it belongs to.
 * @param name The name of the official file.
 * @param url The file.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: not of the official form, or a label that is out
 * of range.
 */
export async function checkOfficialForm(set: OfficialDataSet, name: string, url: URL): Promise<void> {
  const { format, side, classes, counts, files } = set;
  const split = files.train.some((file) => file.name === name) ? "train" : "test";
  const index = files[split].findIndex((file) => file.name === name);
  if (format === "cifar") await readBatch(set, counts[split] / files[split].length, url);
  else if (index === 0) await readIdx(url, [counts[split], side, side]);
  else await readLabels(counts[split], classes.length, url);
}

/** Sequentially, so that of several missing files the first is reported. */
async function readFiles(set: OfficialDataSet, count: number, urls: readonly URL[]): Promise<CifarBatch> {
  const { format, side, classes } = set;
  if (format === "idx") {
    const [images, labels] = urls as [URL, URL];
    const pixels = await readIdx(images, [count, side, side]);
    return { pixels, labels: await readLabels(count, classes.length, labels) };
  }
  const pixels = new Uint8Array(count * side * side * 3);
  const labels = new Uint8Array(count);
  for (const [i, url] of urls.entries()) {
    const batch = await readBatch(set, count / urls.length, url);
    pixels.set(batch.pixels, i * batch.pixels.length);
    labels.set(batch.labels, i * batch.labels.length);
  }
  return { pixels, labels };
}

async function readBatch({ classes }: OfficialDataSet, records: number, url: URL): Promise<CifarBatch> {
  const batch = await readCifarBatch(url, records);
  checkLabels(batch.labels, classes.length, url);
  return batch;
}

async function readLabels(count: number, classes: number, url: URL): Promise<Uint8Array> {
  const labels = await readIdx(url, [count]);
  checkLabels(labels, classes, url);
  return labels;
}

function checkLabels(labels: Uint8Array, classes: number, url: URL): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong === -1) return;
  const message = `${showUrl(url)}: label ${wrong} is ${labels[wrong]}; it must be from 0 to ${classes - 1}`;
  throw new ModelError("damaged", message);
}
