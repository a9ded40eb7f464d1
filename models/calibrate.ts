import { type Classifier, createClassifier, type ModelFiles } from "./classifier.ts";
import { ModelError } from "./errors.ts";
import { byteLayers } from "./layers/precision.ts";
import { planModel } from "./model_plan.ts";

/** Bits of a float32 that are left out of its bin: so there are 32 bins from one power of two to the next. */
const LEFT_OUT = 18;
const BINS = 2 ** (31 - LEFT_OUT);
const BATCH = 32;

/** How often numbers are given: one count per bin of positive numbers. */
type Histogram = Float64Array;

/**
 * Measures the ranges with which a model can be computed in bytes: for each layer that can give bytes, the one that loses
 * least, by the mean squared error of what it gives for images.
 *
 * @param files The model, in float32.
 * @param wasm As for `createClassifier`.
 * @param images Encoded images, as the model will be given; those it refuses are left out.
 * @returns One number per layer, for the field `calibration.ranges` of the manifest.
 * @throws {ModelError} `invalid`: no layer can give bytes, or none of the images was classified.
 */
export async function calibrate(
  files: ModelFiles,
  wasm: WebAssembly.Module,
  images: readonly Uint8Array[],
): Promise<number[]> {
  const { name, layers } = files.manifest;
  const wanted = new Map(byteLayers(planModel(files).body).map((layer) => [layer, new Float64Array(BINS)]));
  if (wanted.size === 0) {
    throw new ModelError(
      "invalid",
      `Cannot quantise ${name}: none of its layers can give bytes; expected a conv2d or dense layer with the activation` +
        " relu or relu6, and one that uses its output",
    );
  }
  let isWarm = false;
  using classifier = await createClassifier(files, wasm, {}, (layer, numbers) => {
    const histogram = wanted.get(layer);
    if (isWarm && histogram) addTo(histogram, numbers);
  });
  isWarm = true;
  if (classifyAll(classifier, images) === 0) {
    throw new ModelError("invalid", `Cannot quantise ${name}: it refuses all ${images.length} images`);
  }
  return layers.map((_, layer) => wanted.has(layer) ? bestRange(wanted.get(layer)!) : 0);
}

function classifyAll(classifier: Classifier, images: readonly Uint8Array[]): number {
  let good = 0;
  for (let start = 0; start < images.length; start += BATCH) {
    good += classifier.logits(images.slice(start, start + BATCH)).filter(({ ok }) => ok).length;
  }
  return good;
}

function addTo(histogram: Histogram, numbers: Float32Array): void {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  for (const number of bits) {
    if (number >>> 31 === 0) histogram[number >>> LEFT_OUT]!++;
  }
  histogram[0] = 0;
}

/** The number in the middle of each bin. */
const MIDDLES = new Float32Array(
  Uint32Array.from({ length: BINS }, (_, bin) => (bin << LEFT_OUT) + (1 << LEFT_OUT - 1)).buffer,
);

/** Of the middles of all bins, the range with the smallest squared error; 1 for a layer that gives nothing but 0. */
function bestRange(histogram: Histogram): number {
  const used = [...histogram.keys()].filter((bin) => histogram[bin]! > 0 && Number.isFinite(MIDDLES[bin]));
  let best = { error: Infinity, range: 1 };
  for (const candidate of used) {
    const range = MIDDLES[candidate]!;
    const rounding = (range / 127) ** 2 / 12;
    const error = used.reduce(
      (sum, bin) => sum + histogram[bin]! * (bin <= candidate ? rounding : (MIDDLES[bin]! - range) ** 2),
      0,
    );
    if (error < best.error) best = { error, range };
  }
  return best.range;
}
