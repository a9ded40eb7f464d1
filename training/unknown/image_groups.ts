import { sleep } from "../../lib/sleep.ts";
import type { Activations, Classifier } from "../../models/classifier.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { readUrl } from "../../models/read_url.ts";
import { type ClassMapping, labelFor } from "../datasets/class_mapping.ts";
import { type DataSet, selectDataSet, type Split } from "../datasets/data_set.ts";
import { MAX_FILE_BYTES } from "../datasets/image_folder.ts";
import { OFFICIAL_DATA_SETS } from "../datasets/official.ts";
import { listPhotographs, type Photograph } from "../datasets/photographs.ts";
import { readDataSet } from "../datasets/read_data_set.ts";
import { encodedImages } from "../evaluation/evaluate.ts";
import { blankImages, noiseImages } from "./meaningless_images.ts";

/** Images of one origin, encoded as they are sent. */
export interface ImageGroup {
  readonly title: string;
  /** Whether they show one of the model's classes. */
  readonly known: boolean;
  readonly images: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Where photographs are. */
export interface Photographs {
  /** As for `listPhotographs`. */
  readonly folder: URL;
  /** The labels of their classes; one of which the model has none of the labels is none of its classes. */
  readonly mapping: ClassMapping;
}

/** Images of a data set, spread evenly over it. */
export function groupOf(data: DataSet, known: boolean, limit: number): ImageGroup {
  return { title: data.title, known, images: pngs(spread(data, limit)) };
}

/** What shows nothing, and the data sets that the model was not trained on. */
export async function otherGroups(own: string, split: Split, from: string | undefined, limit: number) {
  const seed = split === "train" ? 1 : 2;
  const others = OFFICIAL_DATA_SETS.filter(({ name }) => name !== own);
  const sets = await Promise.all(others.map(({ name }) => readDataSet(name, split, from)));
  return [
    { title: "noise", known: false, images: noiseImages(limit, seed) },
    { title: "blank images", known: false, images: blankImages(limit, seed) },
    ...sets.map((data) => groupOf(data, false, limit)),
  ];
}

/** Photographs of the model's classes, and of others; a group that would be empty is missing. */
export async function photographGroups(
  { folder, mapping }: Photographs,
  labels: readonly string[],
  limit: number,
): Promise<ImageGroup[]> {
  const isKnown = ({ class: name }: Photograph) =>
    (mapping.get(name) ?? [name]).some((each) => labelFor(each, labels) !== undefined);
  const photographs = Map.groupBy(await listPhotographs(folder), isKnown);
  return [true, false].flatMap((known) => {
    const files = photographs.get(known);
    if (files === undefined) return [];
    const classes = [...new Set(files.map((file) => file.class))].join(", ");
    return [{ title: `photographs: ${classes}`, known, images: contents(evenly(files, limit)) }];
  });
}

/** The activations of all images that are not refused. */
export async function activationsOf(classifier: Classifier, { images }: ImageGroup): Promise<Activations[]> {
  const activations: Activations[] = [];
  for await (const image of images) {
    await loadDecoders([image]);
    const [outcome] = classifier.logits([image]);
    if (outcome?.ok) activations.push(outcome);
    if (activations.length % 32 === 0) await sleep(0);
  }
  return activations;
}

/** Images of a data set, spread evenly over it. */
export function spread(data: DataSet, limit: number): DataSet {
  return selectDataSet(
    data,
    Uint32Array.from(evenly(Array.from({ length: data.count }, (_, i) => i), limit)),
  );
}

function evenly<T>(list: readonly T[], limit: number): T[] {
  const count = Math.min(limit, list.length);
  return Array.from({ length: count }, (_, i) => list[Math.floor(i * list.length / count)]!);
}

function* pngs(data: DataSet): Generator<Uint8Array> {
  for (const { png } of encodedImages(data)) yield png;
}

async function* contents(files: readonly Photograph[]): AsyncGenerator<Uint8Array> {
  for (const { url } of files) yield await readUrl(url, MAX_FILE_BYTES);
}
