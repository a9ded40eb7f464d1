import { createClassifier } from "../../models/classifier.ts";
import { imageAt } from "../../training/datasets/data_set.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { loadModels } from "../../models/registry.ts";
import { Random } from "../../training/random.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { BAD_IMAGES } from "../../testing/bad_images.ts";
import { imagesOf, SEVEN } from "../../testing/images.ts";
import { poisoned } from "./poison.ts";

/** The model that is asked. */
export const MODEL = "mnist";

/** An image, and what has to become of it. */
export interface ChaosImage {
  /** What is sent. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The label that the model gives it when nothing goes wrong; `null` for a bad one. */
  readonly label: string | null;
  /** The code of its dead letter; `null` for a good one. */
  readonly code: string | null;
}

const STREAM = 2;
const MOST_FROM_DATA = 1_000;
/** How many keys there are: their numbers take turns. */
export const KEYS = 48;

/** Which image each number is: the same for the same seed. Holds two bytes a number. */
export class Assignment {
  /** How many numbers there are. */
  readonly count: number;
  readonly #images: readonly ChaosImage[];
  readonly #chosen: Uint16Array;

  /**
   * @param images Good and bad ones: some of each, at most 65,536.
   * @param count How many are to be sent.
   * @param seed Another one gives other images.
   * @param badShare How many of them are bad, 0 to 1.
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

  /** The image of a number. */
  image(number: number): ChaosImage {
    return this.#images[this.#chosen[number]!]!;
  }

  /** The key of a number: numbers of one key have to be answered in ascending order. */
  key(number: number): string {
    return `camera-${number % KEYS}`;
  }

  /** The id of a number. */
  id(number: number): string {
    return `chaos-${number}`;
  }

  /** The number of an id; `null` when it is none of this run. */
  number(id: string): number | null {
    const digits = /^chaos-(0|[1-9]\d*)$/.exec(id)?.[1];
    return digits !== undefined && Number(digits) < this.count ? Number(digits) : null;
  }
}

/**
 * Real images with the labels that the model gives them, and bad ones.
 *
 * @param data Where the data sets are: up to 1,000 of MNIST's test images are taken too.
 */
export async function loadImages(data?: string): Promise<ChaosImage[]> {
  const images = [...imagesOf(MODEL).map(({ png }) => png), ...data ? await testImages(data) : []];
  const [files] = await loadModels({ names: [MODEL] });
  using classifier = await createClassifier(files!, await loadWasmBinary());
  const good = classifier.classify(images).map((outcome, i) => {
    if (!outcome.ok) throw new Error(`An image that should be good is not: ${outcome.message}`);
    return { bytes: images[i]!, label: outcome.top[0].label, code: null };
  });
  const bad = BAD_IMAGES.map(([, bytes, code]) => ({ bytes, label: null, code }));
  return [...good, ...bad, { bytes: poisoned(SEVEN.png), label: null, code: "model_error" }];
}

async function testImages(directory: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const data = await readDataSet(MODEL, "test", directory);
  const { width, height, channels } = data;
  return Array.from(
    { length: Math.min(data.count, MOST_FROM_DATA) },
    (_, i) => encodePng({ width, height, channels, data: imageAt(data, i) }),
  );
}
