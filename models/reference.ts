/**
 * What a model predicts for its test images: `reference.json` beside the manifest. A service compares it with what
 * the model predicts later.
 *
 * @module
 */
import { JsonFields } from "../lib/json_fields.ts";
import { fieldError } from "./errors.ts";
import { parseJson } from "./parse_json.ts";
import { readIfExists, showUrl } from "./read_url.ts";

/** Distribution of the predictions of a model. */
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
 * Counts predictions; the bins of the confidence are its deciles.
 *
 * @param data Title of the images.
 * @param predictions At least one.
 * @param classes Number of classes.
 */
export function referenceOf(data: string, predictions: readonly Prediction[], classes: number): Reference {
  const labels = new Array<number>(classes).fill(0);
  for (const { index } of predictions) labels[index]!++;
  const sorted = predictions.map(({ confidence }) => confidence).sort((a, b) => a - b);
  const deciles = Array.from(
    { length: BINS - 1 },
    (_, i) => sorted[Math.floor((i + 1) * sorted.length / BINS)]!,
  );
  const edges = [...new Set(deciles)];
  const confidences = new Array<number>(edges.length + 1).fill(0);
  for (const { confidence } of predictions) confidences[binOf(edges, confidence)]!++;
  return { format: 1, data, images: predictions.length, labels, edges, confidences };
}

/** The bin of a confidence. */
export function binOf(edges: readonly number[], confidence: number): number {
  const bin = edges.findIndex((edge) => confidence < edge);
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
  const count = { min: 0 };
  const bins = fields.list("edges", 0, BINS).length;
  const reference: Reference = {
    format: fields.oneOf("format", [1]),
    data: fields.text("data", 200),
    images: fields.integer("images", 1, 1e9),
    labels: fields.numbers("labels", classes, count),
    edges: fields.numbers("edges", bins, { min: 0, max: 1 }),
    confidences: fields.numbers("confidences", bins + 1, count),
  };
  fields.refuseOthers();
  return reference;
}
