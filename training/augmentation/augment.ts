import type { InputSpec } from "../../models/manifest.ts";
import { imageAt } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";
import type { Random } from "../random.ts";
import { type Degradation, Degrader } from "./degrade.ts";

/** How training images are varied, so that the model learns what does not matter. */
export interface Augmentation {
  /** Moved by up to so many pixels each way. */
  readonly shift: number;
  /** What comes in at the edge: black, or the picture mirrored at its outermost pixels. @default {"black"} */
  readonly edge?: "black" | "reflect";
  /** Mirrored left to right every other epoch, which ones first by chance (Jordan 2024, "alternating flip"). */
  readonly mirror: boolean;
  /** Turned by up to so many degrees each way. @default {0} */
  readonly rotate?: number;
  /** Made larger or smaller by up to this share. @default {0} */
  readonly zoom?: number;
  /** Side of a square in which nothing is seen, in pixels (DeVries and Taylor 2017). @default {0} */
  readonly cutout?: number;
  /** How some are degraded before all that, the validation images too. @default {not at all} */
  readonly degrade?: Degradation;
}

/** No variation, as for measuring. */
export const UNCHANGED: Augmentation = { shift: 0, mirror: false };

/** Where a pixel of the varied picture comes from: column = x × a + y × b + c, row likewise. */
type Transformation = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Writes images in the form that the first layer expects. */
export class Preparation {
  readonly #data: DataSet;
  readonly #augmentation: Augmentation;
  readonly #degrader: Degrader | null;
  /** For each channel, what becomes of each of the 256 sample values. */
  readonly #scale: readonly Float32Array[];

  /**
   * @param data Where the images are.
   * @param spec Mean and standard deviation; the size is that of the data.
   * @param augmentation How to vary them.
   */
  constructor(data: DataSet, spec: InputSpec, augmentation: Augmentation) {
    this.#data = data;
    this.#augmentation = augmentation;
    this.#degrader = augmentation.degrade ? new Degrader(data, augmentation.degrade) : null;
    this.#scale = spec.mean.map((mean, c) =>
      Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean) / spec.std[c]!)
    );
  }

  /** Numbers of one image. */
  get size(): number {
    return this.#data.width * this.#data.height * this.#data.channels;
  }

  /**
   * Writes one image.
   *
   * @param index Which one.
   * @param mirrored Whether left and right change places.
   * @param random Decides the variation.
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
    let out = 0;
    for (let y = 0; y < height; y++) {
      const row = this.#fold(y - dy, height);
      for (let x = 0; x < width; x++) {
        const column = this.#fold((mirrored ? width - 1 - x : x) - dx, width);
        const at = row < 0 || column < 0 ? -1 : (row * width + column) * channels;
        for (let c = 0; c < channels; c++) target[out++] = this.#scale[c]![at < 0 ? 0 : image[at + c]!]!;
      }
    }
  }

  /** Where a row or column outside is taken from; -1 for black. */
  #fold(at: number, extent: number): number {
    if (at >= 0 && at < extent) return at;
    if (this.#augmentation.edge !== "reflect") return -1;
    return at < 0 ? -at : 2 * (extent - 1) - at;
  }

  #draw(mirrored: boolean, random: Random): Transformation {
    const { width, height } = this.#data;
    const { shift, rotate = 0, zoom = 0 } = this.#augmentation;
    const angle = random.between(-rotate, rotate) * Math.PI / 180;
    const [cos, sin] = [Math.cos(angle) / random.between(1 - zoom, 1 + zoom), Math.sin(angle)];
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

  /** Between the pixels of the picture the four nearest are mixed. */
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

  /** Like `#fold`, for what may be further outside than the picture is large. */
  #place(at: number, extent: number): number {
    const place = this.#fold(at, extent);
    return place < extent ? place : -1;
  }

  /** 0 is the mean of all images. */
  #cutOut(side: number, random: Random, target: Float32Array): void {
    const { width, height, channels } = this.#data;
    const [left, top] = [random.integer(-side + 1, width - 1), random.integer(-side + 1, height - 1)];
    for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
      const row = y * width;
      target.fill(0, (row + Math.max(0, left)) * channels, (row + Math.min(width, left + side)) * channels);
    }
  }
}
