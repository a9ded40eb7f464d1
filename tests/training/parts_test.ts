/** The parts of a training, one by one. */
import type { DataSet } from "../../training/datasets/data_set.ts";
import { Preparation } from "../../training/augmentation/augment.ts";
import type { Augmentation } from "../../training/augmentation/augment.ts";
import { crossEntropy } from "../../models/logits.ts";
import { fitTemperature } from "../../training/evaluation/calibrate.ts";
import { Random } from "../../training/random.ts";
import { lookAhead, rateAt, sgdStep } from "../../training/fitting/sgd.ts";
import type { Optimiser } from "../../training/recipes/recipe.ts";
import { meanOf } from "../../training/fitting/parameters.ts";
import { whiteningKernel } from "../../training/fitting/whiten.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { halves } from "../fixtures/halves.ts";

const OPTIMISER: Optimiser = {
  learningRate: 0.05,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  warmUp: 0.1,
  finalRate: 0,
};

const KERNEL = { layer: 0, shape: [2], start: 0, end: 2, kind: "kernel", normalised: false } as const;

Deno.test("sgd: finds the minimum of a quadratic function", () => {
  const numbers = Float32Array.of(5, -3);
  const velocity = new Float32Array(2);
  for (let step = 0; step < 300; step++) {
    const gradient = Float32Array.of(2 * (numbers[0]! - 1), 8 * (numbers[1]! - 2));
    sgdStep(OPTIMISER, [KERNEL], numbers, velocity, gradient, rateAt(OPTIMISER, step, 300));
  }
  assert(Math.abs(numbers[0]! - 1) < 1e-3 && Math.abs(numbers[1]! - 2) < 1e-3, String(numbers));
});

Deno.test("sgd: a step is rate times gradient and decay, momentum adds to it, fixed parameters stay", () => {
  const plain = { ...OPTIMISER, nesterov: false, learningRate: 0.5, weightDecay: 0.5 };
  const numbers = Float32Array.of(1, 2);
  const velocity = new Float32Array(2);
  sgdStep(plain, [KERNEL], numbers, velocity, Float32Array.of(1, 0), 1);
  assertEquals([...numbers], [1 - 0.5 * 1.5, 2 - 0.5 * 1]);
  sgdStep({ ...plain, weightDecay: 0 }, [KERNEL], numbers, velocity, Float32Array.of(0, 0), 1);
  assertEquals([...numbers].map((n) => Math.round(n * 1e4) / 1e4), [-0.425, 1.05]);
  const before = numbers.slice();
  sgdStep(plain, [{ ...KERNEL, kind: "fixed" }], numbers, velocity, Float32Array.of(9, 9), 1);
  assertEquals(numbers, before);
});

Deno.test("sgd: a bias after a normalisation has a higher rate and the same decay", () => {
  const bias = { ...KERNEL, kind: "bias", normalised: true } as const;
  const numbers = Float32Array.of(1, 0);
  const optimiser = { ...OPTIMISER, nesterov: false, learningRate: 0.125, weightDecay: 0.5, biasRate: 4 };
  sgdStep(optimiser, [bias], numbers, new Float32Array(2), Float32Array.of(0, 1), 1);
  assertEquals([...numbers], [1 - 0.125 * 0.5, -0.5]);
});

Deno.test("sgd: the rate rises from a fifth to the maximum, then falls to the final rate", () => {
  const rates = [0, 5, 10, 55, 100].map((step) => rateAt({ ...OPTIMISER, finalRate: 0.2 }, step, 100));
  assertEquals(rates.map((rate) => Math.round(rate * 1e3) / 1e3), [0.2, 0.6, 1, 0.6, 0.2]);
  const constant = { ...OPTIMISER, warmUp: 0, finalRate: 1 };
  assertEquals([0, 50, 99].map((step) => rateAt(constant, step, 100)), [1, 1, 1]);
});

Deno.test("lookahead: weights are reset to their average every few steps and at the end", () => {
  const [numbers, average] = [Float32Array.of(8), Float32Array.of(0)];
  const lookahead = { every: 2, decay: 0.5 };
  lookAhead(lookahead, numbers, average, 1, 4);
  assertEquals([numbers[0], average[0]], [8, 0]);
  lookAhead(lookahead, numbers, average, 2, 4);
  assertEquals([numbers[0], average[0]], [8 * (1 - 0.25 / 8), 8 * (1 - 0.25 / 8)]);
  numbers[0] = 100;
  lookAhead(lookahead, numbers, average, 4, 4);
  assertEquals([numbers[0], average[0]], [7.75, 7.75]);
});

const IMAGE: DataSet = { ...halves(1), pixels: Uint8Array.from({ length: 36 }, (_, i) => i + 1) };
const SPEC = { width: 6, height: 6, channels: 1, mean: [0], std: [1 / 255] } as const;

function augment(augmentation: Augmentation, seed: number, mirrored = false): number[] {
  const target = new Float32Array(36);
  new Preparation(IMAGE, SPEC, augmentation).write(0, mirrored, new Random(seed, 0), target);
  return [...target].map(Math.round);
}

Deno.test("augmentation: images are unchanged without it, mirroring exchanges left and right", () => {
  assertEquals(augment({ shift: 0, mirror: false }, 1), [...IMAGE.pixels]);
  assertEquals(augment({ shift: 0, mirror: true }, 1, true).slice(0, 6), [6, 5, 4, 3, 2, 1]);
});

Deno.test("augmentation: a shift fills the edge with black or with the mirrored image", () => {
  const black = Array.from({ length: 80 }, (_, seed) => augment({ shift: 1, mirror: false }, seed));
  assertEquals(new Set(black.map((image) => image.join())).size, 9);
  assert(black.every((image) => image.filter((value) => value === 0).length <= 11));
  const reflected = Array.from(
    { length: 80 },
    (_, seed) => augment({ shift: 1, edge: "reflect", mirror: false }, seed),
  );
  assertEquals(new Set(reflected.map((image) => image.join())).size, 9);
  assert(reflected.every((image) => !image.includes(0)));
  assert(reflected.some((image) => image.slice(0, 7).join() === "8,7,8,9,10,11,2"));
});

Deno.test("augmentation: a rotation by nothing changes no pixel, one by 30° stays in range", () => {
  assertEquals(augment({ shift: 0, mirror: false, rotate: 1e-9 }, 1), [...IMAGE.pixels]);
  const rotated = augment({ shift: 0, mirror: false, rotate: 30 }, 3);
  assert(rotated.some((value, i) => value !== IMAGE.pixels[i]));
  assert(Math.max(...rotated) <= 36 && Math.min(...rotated) >= 0);
});

Deno.test("augmentation: a zoom changes the size of what is turned, not the angle", () => {
  const side = 101;
  const pixels = Uint8Array.from(
    { length: side * side },
    (_, i) => Math.abs(Math.floor(i / side) - 50) <= 2 && Math.abs(i % side - 50) <= 30 ? 255 : 0,
  );
  const data = { ...IMAGE, width: side, height: side, pixels };
  const spec = { width: side, height: side, channels: 1, mean: [0], std: [1] } as const;
  // The largest angle, and the smallest size.
  const random = { between: (min: number, max: number) => min + max === 0 ? max : min } as Random;
  const target = new Float32Array(side * side);
  new Preparation(data, spec, { shift: 0, mirror: false, rotate: 45, zoom: 0.5 }).write(
    0,
    false,
    random,
    target,
  );
  let [across, down, both] = [0, 0, 0];
  target.forEach((value, i) => {
    const [x, y] = [i % side - 50, Math.floor(i / side) - 50];
    [across, down, both] = [across + value * x * x, down + value * y * y, both + value * x * y];
  });
  assert(Math.abs(Math.abs(Math.atan2(2 * both, across - down) / 2) - Math.PI / 4) < 0.01);
});

Deno.test("augmentation: cutout covers a square with the mean", () => {
  const covered = Array.from(
    { length: 50 },
    (_, seed) => augment({ shift: 0, mirror: false, cutout: 2 }, seed),
  );
  const counts = covered.map((image) => image.filter((value) => value === 0).length);
  assertEquals([...new Set(counts)].sort((a, b) => a - b), [1, 2, 4]);
});

Deno.test("whitening: patches become uncorrelated with equal variance", () => {
  const random = new Random(1, 0);
  const data = {
    ...halves(400),
    pixels: Uint8Array.from({ length: 400 * 36 }, () => random.integer(0, 255)),
  };
  // Correlates neighbours, so that there is something to whiten.
  for (let i = 1; i < data.pixels.length; i++) {
    data.pixels[i] = (data.pixels[i]! + 3 * data.pixels[i - 1]!) / 4;
  }
  const spec = { ...SPEC, mean: [0.5], std: [0.1] };
  const kernel = whiteningKernel(data, spec, 2);
  assertEquals(kernel.length, 4 * 8);
  const outputs: number[][] = [];
  const image = new Float32Array(36);
  const preparation = new Preparation(data, spec, { shift: 0, mirror: false });
  for (let i = 0; i < data.count; i++) {
    preparation.write(i, false, random, image);
    for (const corner of [0, 7, 14, 21]) {
      const patch = [0, 1, 6, 7].map((offset) => image[corner + offset]!);
      outputs.push(
        [0, 1, 2, 3].map((f) => patch.reduce((sum, value, k) => sum + value * kernel[k * 8 + f]!, 0)),
      );
    }
  }
  for (let a = 0; a < 4; a++) {
    for (let b = 0; b <= a; b++) {
      const covariance = outputs.reduce((sum, row) => sum + row[a]! * row[b]!, 0) / outputs.length;
      assert(Math.abs(covariance - (a === b ? 1 : 0)) < 0.15, `${a} and ${b}: ${covariance}`);
    }
    assertEquals(
      [0, 1, 2, 3].map((k) => kernel[k * 8 + 4 + a]),
      [0, 1, 2, 3].map((k) => -kernel[k * 8 + a]!),
    );
  }
});

Deno.test("calibration: finds the temperature by which the logits are too large", () => {
  const random = new Random(1, 0);
  const labels = new Uint8Array(4000);
  const logits = new Float32Array(4000 * 2);
  for (let i = 0; i < labels.length; i++) {
    const margin = random.integer(-300, 300) / 100;
    labels[i] = random.integer(0, 1_000_000) / 1_000_000 < 1 / (1 + Math.exp(-margin)) ? 1 : 0;
    logits[2 * i + 1] = 2 * margin;
  }
  const temperature = fitTemperature(logits, labels);
  assert(Math.abs(temperature - 2) < 0.2, String(temperature));
  assert(crossEntropy(logits, labels, temperature) < crossEntropy(logits, labels, 1));
});

Deno.test("calibration: a few correct predictions do not make the confidences certain", () => {
  const temperature = fitTemperature(
    Float32Array.from({ length: 16 }, (_, i) => i % 2),
    new Uint8Array(8).fill(1),
  );
  const confidence = 1 / (1 + Math.exp(-1 / temperature));
  assert(Math.abs(confidence - 9 / 10) < 0.01, String(confidence));
});

Deno.test("the mean of several trainings is that of each number", () => {
  const all = [Float32Array.of(1, -4), Float32Array.of(2, 0), Float32Array.of(6, 1)];
  assertEquals([...meanOf(all)], [3, -1]);
});
