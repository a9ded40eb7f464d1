import { type Edge, sourceOf } from "../../models/image/views.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { type DataSet, imageAt } from "../datasets/data_set.ts";
import type { Random } from "../random.ts";
import { type Degradation, Degrader } from "./degrade.ts";

/** Random changes of training images that do not change their class. */
export interface Augmentation {
  /** Maximum shift in each direction, in pixels, 0 to 64. */
  readonly shift: number;
  /**
   * What is shifted in at the edge: black, or the image mirrored at its outermost pixels.
   *
   * @default {"black"}
   */
  readonly edge?: Edge;
  /**
   * Whether each image is mirrored every other epoch, at random in the first or in the second (Jordan 2024).
   */
  readonly mirror: boolean;
  /** Maximum rotation in each direction, in degrees, 0 to 180. @default {0} */
  readonly rotate?: number;
  /** Maximum change of size, as a share, 0 to 0.9. @default {0} */
  readonly zoom?: number;
  /** Side of a square that is covered, in pixels, 0 to 1,024 (DeVries and Taylor 2017). @default {0} */
  readonly cutout?: number;
  /** How images are degraded before all this, the validation images too. @default {not at all} */
  readonly degrade?: Degradation;
}

/** No augmentation, for measuring. */
export const UNCHANGED: Augmentation = { shift: 0, mirror: false };

/** Source of a pixel of the augmented image: column = x × a + y × b + c, row = x × d + y × e + f. */
type Transformation = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Augments images and standardises them for the first layer. */
export class Preparation {
  readonly #data: DataSet;
  readonly #augmentation: Augmentation;
  readonly #degrader: Degrader | null;
  /** For each channel, the standardised value of each of the 256 samples. */
  readonly #scale: readonly Float32Array[];

  /**
   * @param data Where the images are.
   * @param spec Mean and standard deviation; the size is that of the data.
   * @param augmentation How they are changed.
   */
  constructor(data: DataSet, spec: InputSpec, augmentation: Augmentation) {
    this.#data = data;
    this.#augmentation = augmentation;
    this.#degrader = augmentation.degrade ? new Degrader(data, augmentation.degrade) : null;
    this.#scale = spec.mean.map((mean, c) =>
      Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean) / spec.std[c]!)
    );
  }

  /** Length of one image, in numbers. */
  get size(): number {
    return this.#data.width * this.#data.height * this.#data.channels;
  }

  /**
   * Writes one image.
   *
   * @param index From 0 to `count - 1`.
   * @param mirrored Whether left and right are exchanged.
   * @param random Decides the changes.
   * @param target Height × width × channels numbers.
   */
  write(index: number, mirrored: boolean, random: Random, target: Float32Array): void {
    const { shift, rotate = 0, zoom = 0, cutout = 0 } = this.#augmentation;
    const image = this.#degrader?.image(index, random) ?? imageAt(this.#data, index);
    if (rotate > 0 || zoom > 0) this.#writeResampled(image, this.#draw(mirrored, random), target);
    else {
      const [dx, dy] = [random.integer(-shift, shift), random.integer(-shift, shift)];
      this.#writeMoved(image, mirrored, dx, dy, target);
    }
    if (cutout > 0) this.#cutOut(cutout, random, target);
  }

  #writeMoved(image: Uint8Array, mirrored: boolean, dx: number, dy: number, target: Float32Array): void {
    const { width, height, channels } = this.#data;
    const { edge = "black" } = this.#augmentation;
    let out = 0;
    for (let y = 0; y < height; y++) {
      const row = sourceOf(y - dy, height, edge);
      for (let x = 0; x < width; x++) {
        const column = sourceOf((mirrored ? width - 1 - x : x) - dx, width, edge);
        const at = row < 0 || column < 0 ? -1 : (row * width + column) * channels;
        for (let c = 0; c < channels; c++) target[out++] = this.#scale[c]![at < 0 ? 0 : image[at + c]!]!;
      }
    }
  }

  #draw(mirrored: boolean, random: Random): Transformation {
    const { width, height } = this.#data;
    const { shift, rotate = 0, zoom = 0 } = this.#augmentation;
    const angle = random.between(-rotate, rotate) * Math.PI / 180;
    const size = random.between(1 - zoom, 1 + zoom);
    const [cos, sin] = [Math.cos(angle) / size, Math.sin(angle) / size];
    const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
    const [dx, dy] = [random.between(-shift, shift), random.between(-shift, shift)];
    const side = mirrored ? -1 : 1;
    return [
      side * cos,
      -sin,
      cx - side * cos * cx + sin * cy - dx,
      side * sin,
      cos,
      cy - side * sin * cx - cos * cy - dy,
    ];
  }

  /** Bilinear interpolation. */
  #writeResampled(image: Uint8Array, [a, b, c, d, e, f]: Transformation, target: Float32Array): void {
    const { width, height, channels } = this.#data;
    let out = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [fromX, fromY] = [a * x + b * y + c, d * x + e * y + f];
        const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
        const [right, low] = [fromX - left, fromY - top];
        const [x0, x1] = [this.#place(left, width), this.#place(left + 1, width)];
        const [y0, y1] = [this.#place(top, height), this.#place(top + 1, height)];
        for (let channel = 0; channel < channels; channel++) {
          const scale = this.#scale[channel]!;
          const at = (row: number, column: number): number =>
            scale[row < 0 || column < 0 ? 0 : image[(row * width + column) * channels + channel]!]!;
          const above = (1 - right) * at(y0, x0) + right * at(y0, x1);
          target[out++] = (1 - low) * above + low * ((1 - right) * at(y1, x0) + right * at(y1, x1));
        }
      }
    }
  }

  /** Like `sourceOf`, but also for places that are further outside than the image is large. */
  #place(at: number, extent: number): number {
    const place = sourceOf(at, extent, this.#augmentation.edge ?? "black");
    return place < extent ? place : -1;
  }

  /** Covers with 0, the mean of all images. */
  #cutOut(side: number, random: Random, target: Float32Array): void {
    const { width, height, channels } = this.#data;
    const [left, top] = [random.integer(-side + 1, width - 1), random.integer(-side + 1, height - 1)];
    for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
      const row = y * width;
      target.fill(0, (row + Math.max(0, left)) * channels, (row + Math.min(width, left + side)) * channels);
    }
  }
}
