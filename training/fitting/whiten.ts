import type { InputSpec } from "../../models/manifest.ts";
import { Preparation, UNCHANGED } from "../augmentation/augment.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { Random } from "../random.ts";

const IMAGES = 5_000;
const EPSILON = 5e-4;
const SWEEPS = 30;

/**
 * Computes filters that make the patches of the images uncorrelated with equal variance: the principal axes,
 * each divided by its standard deviation, and their negatives (Page, "How to Train Your ResNet 8", 2019).
 *
 * @param data The training images; the first 5,000 are used.
 * @param spec How they are standardised.
 * @param side Of a patch, in pixels.
 * @returns A kernel of side × side × channels × (2 × side × side × channels) filters.
 */
export function whiteningKernel(data: DataSet, spec: InputSpec, side: number): Float32Array {
  const { values, vectors } = eigenvectors(patchCovariance(data, spec, side));
  const size = values.length;
  const kernel = new Float32Array(size * size * 2);
  for (let axis = 0; axis < size; axis++) {
    const scale = 1 / Math.sqrt(values[axis]! + EPSILON);
    for (let k = 0; k < size; k++) {
      kernel[k * 2 * size + axis] = vectors[k]![axis]! * scale;
      kernel[k * 2 * size + size + axis] = -vectors[k]![axis]! * scale;
    }
  }
  return kernel;
}

function patchCovariance(data: DataSet, spec: InputSpec, side: number): number[][] {
  const { width, height, channels } = data;
  const size = side * side * channels;
  const preparation = new Preparation(data, spec, UNCHANGED);
  const [image, patch] = [new Float32Array(preparation.size), new Float32Array(size)];
  const sums = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let patches = 0;
  for (let i = 0; i < Math.min(IMAGES, data.count); i++) {
    preparation.write(i, false, new Random(0, 0), image);
    for (let y = 0; y + side <= height; y++) {
      for (let x = 0; x + side <= width; x++, patches++) {
        for (let row = 0; row < side; row++) {
          const start = ((y + row) * width + x) * channels;
          patch.set(image.subarray(start, start + side * channels), row * side * channels);
        }
        for (let j = 0; j < size; j++) {
          for (let k = 0; k <= j; k++) sums[j]![k]! += patch[j]! * patch[k]!;
        }
      }
    }
  }
  return sums.map((row, j) => row.map((_, k) => (sums[Math.max(j, k)]![Math.min(j, k)]!) / patches));
}

/** Jacobi's method: rotates plane after plane until the matrix is diagonal; meant for a dozen rows. */
function eigenvectors(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const size = matrix.length;
  const vectors = matrix.map((_, i) => matrix.map((_, j) => i === j ? 1 : 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(matrix, vectors, p, q);
    }
  }
  return { values: matrix.map((row, i) => row[i]!), vectors };
}

function rotate(matrix: number[][], vectors: number[][], p: number, q: number): void {
  if (Math.abs(matrix[p]![q]!) < 1e-15) return;
  const theta = (matrix[q]![q]! - matrix[p]![p]!) / (2 * matrix[p]![q]!);
  const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (const rows of [matrix, vectors]) {
    for (const row of rows) {
      [row[p], row[q]] = [cosine * row[p]! - sine * row[q]!, sine * row[p]! + cosine * row[q]!];
    }
  }
  const [a, b] = [matrix[p]!, matrix[q]!];
  for (let k = 0; k < a.length; k++) {
    [a[k], b[k]] = [cosine * a[k]! - sine * b[k]!, sine * a[k]! + cosine * b[k]!];
  }
}
