import { createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { imageAt } from "../../training/datasets/data_set.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { Random } from "../../training/random.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { BAD_IMAGES } from "../../testing/bad_images.ts";
import { imagesOf, SEVEN } from "../../testing/images.ts";
import { poisoned } from "./poison.ts";
import { MODEL, soundVersions } from "./versions.ts";

/** An image and its expected outcome. */
export interface ChaosImage {
  /** The value of the message. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The model's label when nothing fails; `null` for a bad image. */
  readonly label: string | null;
  /** The code of its dead letter; `null` for a good image. */
  readonly code: string | null;
  /** The confidence by version, which shows which one has computed a result. */
  readonly confidences?: ReadonlyMap<string, number>;
}

/** Two confidences that differ by more were not computed by the same version. */
export const CONFIDENCE_TOLERANCE = 0.001;

const STREAM = 2;
const MAX_FROM_DATA = 1_000;
/** Number of message keys; images take them in turn. */
export const KEYS = 48;

/** Assigns an image to each number, reproducibly by seed. Takes two bytes per number. */
export class Assignment {
  /** Number of images to send. */
  readonly count: number;
  readonly #images: readonly ChaosImage[];
  readonly #chosen: Uint16Array;

  /**
   * @param images At least one good and one bad image; at most 65,536.
   * @param count Number of images to send.
   * @param seed Random seed.
   * @param badShare Share of bad images, 0 to 1.
   */
  constructor(images: readonly ChaosImage[], count: number, seed: number, badShare: number) {
    const random = new Random(seed, STREAM);
    const indices = images.map((_, i) => i);
    const good = indices.filter((i) => images[i]!.code === null);
    const bad = indices.filter((i) => images[i]!.code !== null);
    this.count = count;
    this.#images = images;
    this.#chosen = Uint16Array.from({ length: count }, () => {
      const from = random.between(0, 1) < badShare ? bad : good;
      return from[random.integer(0, from.length - 1)]!;
    });
  }

  image(number: number): ChaosImage {
    return this.#images[this.#chosen[number]!]!;
  }

  /** The message key: results of one key must arrive in ascending order. */
  key(number: number): string {
    return `camera-${number % KEYS}`;
  }

  id(number: number): string {
    return `chaos-${number}`;
  }

  /** The number of an id; `null` for an id that is not of this run. */
  number(id: string): number | null {
    const digits = /^chaos-(0|[1-9]\d*)$/.exec(id)?.[1];
    return digits !== undefined && Number(digits) < this.count ? Number(digits) : null;
  }
}

/**
 * Loads real images with the model's labels, and bad images.
 *
 * @param data Directory of the data sets, for up to 1,000 more images from MNIST's test set.
 */
export async function loadImages(data?: string): Promise<ChaosImage[]> {
  const images = [...imagesOf(MODEL).map(({ png }) => png), ...data ? await testImages(data) : []];
  const best = await Promise.all((await soundVersions()).map((files) => classify(files, images)));
  const good = images.map((bytes, i) => ({
    ...{ bytes, label: best[0]![i]!.label, code: null },
    confidences: new Map(best.map((scores) => [scores[i]!.version, scores[i]!.confidence])),
  })).filter(({ confidences }) => areDistinct([...confidences.values()]));
  const bad = BAD_IMAGES.map(([, bytes, code]) => ({ bytes, label: null, code }));
  return [...good, ...bad, { bytes: poisoned(SEVEN.png), label: null, code: "model_error" }];
}

async function classify(files: ModelFiles, images: readonly Uint8Array[]) {
  using classifier = await createClassifier(files, await loadWasmBinary());
  const { version } = files.manifest;
  return classifier.classify(images).map((outcome) => {
    if (!outcome.ok) throw new Error(`Unexpected bad image: ${outcome.message}`);
    return { version, ...outcome.top[0] };
  });
}

/** Results of different batches differ by rounding. */
function areDistinct([a = 0, b = 0]: readonly number[]): boolean {
  return Math.abs(a - b) > 4 * CONFIDENCE_TOLERANCE;
}

async function testImages(directory: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const data = await readDataSet(MODEL, "test", directory);
  const { width, height, channels } = data;
  return Array.from(
    { length: Math.min(data.count, MAX_FROM_DATA) },
    (_, i) => encodePng({ width, height, channels, data: imageAt(data, i) }),
  );
}
