import type { Lab } from "./colour.ts";

/** Gaussians in each mixture. */
const COLOURS = 4;

/** Variance in OKLab that every Gaussian has at least. */
const NOISE = 1e-4;

/** Gaussians over colours: how much each weighs, its mean, and the upper triangle of its inverse covariance. */
export interface Mixture {
  readonly weights: number[];
  readonly means: number[][];
  readonly inverses: number[][];
  readonly constants: number[];
}

/**
 * Fits a mixture to the pixels that are more likely than not, each Gaussian to the pixels nearest to it, as GrabCut does,
 * starting from layers of lightness.
 *
 * @param lab The image.
 * @param share How likely each pixel belongs to what is fitted, 0 to 1.
 * @returns The mixture.
 */
export function fitMixture(lab: Lab, share: Float32Array): Mixture {
  const size = share.length;
  const order = Array.from({ length: size }, (_, i) => i).filter((i) => share[i]! > 0.5);
  const members = order.length >= 4 * COLOURS ? order : Array.from({ length: size }, (_, i) => i);
  members.sort((a, b) => lab[0].data[a]! - lab[0].data[b]!);
  let owner = new Uint8Array(size).fill(255);
  members.forEach((i, rank) => owner[i] = Math.floor(rank * COLOURS / members.length));
  let mixture = estimate(lab, share, owner, members);
  for (let step = 0; step < 3; step++) {
    owner = assign(lab, mixture, owner, members);
    mixture = estimate(lab, share, owner, members);
  }
  return mixture;
}

function assign(lab: Lab, mixture: Mixture, owner: Uint8Array<ArrayBuffer>, members: readonly number[]) {
  const colour = [0, 0, 0];
  for (const i of members) {
    for (let c = 0; c < 3; c++) colour[c] = lab[c]!.data[i]!;
    let best = -Infinity;
    for (let k = 0; k < COLOURS; k++) {
      const density = component(mixture, k, colour);
      if (density > best) [best, owner[i]] = [density, k];
    }
  }
  return owner;
}

function estimate(lab: Lab, share: Float32Array, owner: Uint8Array, members: readonly number[]): Mixture {
  const sums = Array.from({ length: COLOURS }, () => new Float64Array(10));
  for (const i of members) {
    const sum = sums[owner[i]!]!;
    const w = share[i]!;
    sum[0]! += w;
    for (let a = 0, at = 4; a < 3; a++) {
      const value = w * lab[a]!.data[i]!;
      sum[1 + a]! += value;
      for (let b = a; b < 3; b++) sum[at++]! += value * lab[b]!.data[i]!;
    }
  }
  const total = sums.reduce((sum, [mass]) => sum + mass!, 0);
  const mixture: Mixture = { weights: [], means: [], inverses: [], constants: [] };
  for (const [mass, ...moments] of sums) {
    const n = Math.max(mass!, 1e-6);
    const [x, y, z] = moments.slice(0, 3).map((value) => value / n) as [number, number, number];
    const [xx, xy, xz, yy, yz, zz] = moments.slice(3).map((value) => value / n) as number[];
    const covariance = [
      xx! - x * x + NOISE,
      xy! - x * y,
      xz! - x * z,
      yy! - y * y + NOISE,
      yz! - y * z,
      zz! - z * z + NOISE,
    ];
    const [determinant, inverse] = invert(covariance);
    mixture.weights.push(n / total);
    mixture.means.push([x, y, z]);
    mixture.inverses.push(inverse);
    mixture.constants.push(Math.log(n / total) - 0.5 * Math.log(determinant));
  }
  return mixture;
}

/** Of a symmetric 3×3 matrix, given by its upper triangle. */
function invert([a, b, c, d, e, f]: number[]): [determinant: number, inverse: number[]] {
  const [A, B, C] = [d! * f! - e! * e!, c! * e! - b! * f!, b! * e! - c! * d!];
  const determinant = Math.max(1e-15, a! * A + b! * B + c! * C);
  const rest = [a! * f! - c! * c!, b! * c! - a! * e!, a! * d! - b! * b!];
  return [determinant, [A, B, C, ...rest].map((value) => value / determinant)];
}

function component({ means, inverses, constants }: Mixture, k: number, colour: readonly number[]): number {
  const [mean, inverse] = [means[k]!, inverses[k]!];
  const [x, y, z] = [colour[0]! - mean[0]!, colour[1]! - mean[1]!, colour[2]! - mean[2]!];
  const squares = inverse[0]! * x * x + inverse[3]! * y * y + inverse[5]! * z * z;
  return constants[k]! - 0.5 * squares - (inverse[1]! * x * y + inverse[2]! * x * z + inverse[4]! * y * z);
}

/**
 * @param mixture As {@linkcode fitMixture} gives it.
 * @param colour In OKLab.
 * @returns The logarithm of the density there, up to a constant.
 */
export function logDensity(mixture: Mixture, colour: readonly number[]): number {
  let sum = 1e-30;
  for (let k = 0; k < COLOURS; k++) sum += Math.exp(component(mixture, k, colour));
  return Math.log(sum);
}
