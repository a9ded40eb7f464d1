/**
 * What a model is sent and predicts for its test images: `reference.json` beside the manifest. A service compares later
 * images and predictions with it.
 *
 * @module
 */
import { JsonFields } from "../lib/json_fields.ts";
import { fieldError } from "./errors.ts";
import type { Tone } from "./image/tone.ts";
import { parseJson } from "./parse_json.ts";
import { readIfExists, showUrl } from "./read_url.ts";

/** A distribution of numbers in bins. */
export interface Histogram {
  /** The bounds between the bins, ascending. */
  readonly edges: readonly number[];
  /** How many are in each bin: one more than bounds. */
  readonly counts: readonly number[];
}

/** Distribution of the images and predictions of a model. */
export interface Reference {
  /** Version of the file format: 1. */
  readonly format: 1;
  /** The images, e.g. `"Fashion-MNIST test"`. */
  readonly data: string;
  /** Number of images. */
  readonly images: number;
  /** Number of predictions per class, in the order of the labels. */
  readonly labels: readonly number[];
  /** The bounds between the bins of the confidence, ascending. */
  readonly edges: readonly number[];
  /** Number of images per bin of the confidence: one more than bounds. */
  readonly confidences: readonly number[];
  /** Of the images; absent in older files. */
  readonly tone?: Readonly<Record<keyof Tone, Histogram>>;
}

/** Name of the file. */
export const REFERENCE_FILE = "reference.json";

const MAX_BYTES = 4_194_304;
const BINS = 10;

/** A prediction. */
export interface Prediction {
  /** Index of the class. */
  readonly index: number;
  /** 0 to 1. */
  readonly confidence: number;
}

/**
 * Counts predictions and images; the bins of the confidence and of the tones are their deciles.
 *
 * @param data Title of the images.
 * @param predictions At least one.
 * @param tones Of the same images.
 * @param classes Number of classes.
 */
export function referenceOf(
  data: string,
  predictions: readonly Prediction[],
  tones: readonly Tone[],
  classes: number,
): Reference {
  const labels = new Array<number>(classes).fill(0);
  for (const { index } of predictions) labels[index]!++;
  const { edges, counts } = histogram(predictions.map(({ confidence }) => confidence));
  const tone = {
    brightness: histogram(tones.map(({ brightness }) => brightness)),
    contrast: histogram(tones.map(({ contrast }) => contrast)),
  };
  return { format: 1, data, images: predictions.length, labels, edges, confidences: counts, tone };
}

function histogram(values: readonly number[]): Histogram {
  const sorted = values.toSorted((a, b) => a - b);
  const deciles = Array.from(
    { length: BINS - 1 },
    (_, i) => sorted[Math.floor((i + 1) * sorted.length / BINS)]!,
  );
  const edges = [...new Set(deciles)];
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[binOf(edges, value)]!++;
  return { edges, counts };
}

/** The bin of a number. */
export function binOf(edges: readonly number[], value: number): number {
  const bin = edges.findIndex((edge) => value < edge);
  return bin === -1 ? edges.length : bin;
}

/**
 * Reads the reference of a model.
 *
 * @param folder Of the model.
 * @param classes Number of its classes.
 * @returns undefined where there is none.
 * @throws {ModelError} `invalid_manifest`, `denied`, `damaged`, `unavailable`.
 */
export async function readReference(folder: URL, classes: number): Promise<Reference | undefined> {
  const url = new URL(REFERENCE_FILE, folder);
  const bytes = await readIfExists(url, MAX_BYTES);
  if (bytes === undefined) return undefined;
  const where = showUrl(url);
  const fields = new JsonFields(
    parseJson(bytes, where, "invalid_manifest"),
    where,
    fieldError("invalid_manifest"),
  );
  const { edges, counts: confidences } = readHistogram(fields, "confidences");
  const reference: Reference = {
    format: fields.oneOf("format", [1]),
    data: fields.text("data", 200),
    images: fields.integer("images", 1, 1e9),
    labels: fields.numbers("labels", classes, { min: 0 }),
    edges,
    confidences,
    ...fields.has("tone") && { tone: readTone(fields.object("tone")) },
  };
  fields.refuseOthers();
  return reference;
}

function readTone(fields: JsonFields): Record<keyof Tone, Histogram> {
  const read = (name: keyof Tone) => {
    const of = fields.object(name);
    const found = readHistogram(of, "counts");
    of.refuseOthers();
    return found;
  };
  const tone = { brightness: read("brightness"), contrast: read("contrast") };
  fields.refuseOthers();
  return tone;
}

function readHistogram(fields: JsonFields, counts: string): Histogram {
  const bins = fields.list("edges", 0, BINS).length;
  return {
    edges: fields.numbers("edges", bins, { min: 0, max: 1 }),
    counts: fields.numbers(counts, bins + 1, { min: 0 }),
  };
}
