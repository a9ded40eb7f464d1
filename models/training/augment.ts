import type { InputSpec } from "../manifest.ts";
import { imageAt } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";
import type { Random } from "./random.ts";

/** How training images are varied, so that the model learns what does not matter. */
export interface Augmentation {
  /** Moved by up to so many pixels each way; what comes in is black. */
  readonly shift: number;
  /** Mirrored left to right, half of them. */
  readonly mirror: boolean;
}

/** No variation, as for measuring. */
export const UNCHANGED: Augmentation = { shift: 0, mirror: false };

/**
 * Writes images in the form the first layer expects, each varied anew.
 *
 * @param data Where they are.
 * @param indices Which ones.
 * @param spec Mean and standard deviation; the size is that of the data.
 * @param augmentation How to vary them.
 * @param random Decides each variation.
 * @returns `indices.length × height × width × channels` numbers.
 */
export function prepareBatch(
  data: DataSet,
  indices: ArrayLike<number>,
  spec: InputSpec,
  augmentation: Augmentation,
  random: Random,
): Float32Array {
  const size = data.width * data.height * data.channels;
  const batch = new Float32Array(indices.length * size);
  const scale = standardisation(spec);
  for (let i = 0; i < indices.length; i++) {
    const { shift, mirror } = augmentation;
    const move = { x: random.integer(-shift, shift), y: random.integer(-shift, shift) };
    const mirrored = mirror && random.integer(0, 1) === 1;
    const target = batch.subarray(i * size, (i + 1) * size);
    writeImage(data, imageAt(data, indices[i]!), scale, move, mirrored, target);
  }
  return batch;
}

function writeImage(
  { width, height, channels }: DataSet,
  image: Uint8Array,
  scale: readonly Float32Array[],
  move: { x: number; y: number },
  mirrored: boolean,
  target: Float32Array,
): void {
  let out = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const column = (mirrored ? width - 1 - x : x) - move.x;
      const row = y - move.y;
      const inside = column >= 0 && column < width && row >= 0 && row < height;
      for (let c = 0; c < channels; c++) {
        target[out++] = scale[c]![inside ? image[(row * width + column) * channels + c]! : 0]!;
      }
    }
  }
}

/** For each channel, what becomes of each of the 256 sample values. */
function standardisation({ mean, std }: InputSpec): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, value) => (value / 255 - m) / std[c]!));
}
