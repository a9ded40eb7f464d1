import { defined } from "../lib/defined.ts";
import { messageOf } from "../lib/coded_error.ts";
import { ImageError, type ImageErrorCode, ModelError } from "./errors.ts";
import { bringIntoForm, standardisePixels, toCanonical } from "./image/canonical.ts";
import { decodeImage, type DecodeLimits } from "./image/decode.ts";
import { type DecodedPng, PngBatch } from "./image/png_batch.ts";
import type { Pixels } from "./image/format.ts";
import { averageViews, showViews, viewCount } from "./image/views.ts";
import type { Manifest, WeightsSpec } from "./manifest.ts";
import type { ObserveLayer } from "./kernels/chain/chain.ts";
import type { LoadedNetwork } from "./layers/network_plan.ts";
import { rowsOf, type Score, topScores } from "./logits.ts";
import type { ModelFiles } from "./model_files.ts";
import { type LoadedModel, loadPlan, type ModelPlan, planModel, startModel } from "./model_plan.ts";
import { loadUnknownJudge, type UnknownJudge } from "./unknown_judge.ts";

export type { ModelFiles } from "./model_files.ts";

/** The outcome for one image. A bad image never throws and never affects the others. */
export type Outcome =
  | {
    readonly ok: true;
    /** The most probable classes, in descending order of confidence. */
    readonly top: readonly [Score, ...Score[]];
    /** Whether the image probably shows none of the classes; absent if the manifest has no threshold for it. */
    readonly unknown?: boolean;
  }
  | { readonly ok: false; readonly code: ImageErrorCode; readonly message: string };

/** What the network computes from one image. */
export interface Activations {
  /** The numbers before the softmax, one per label. */
  readonly logits: Float32Array;
  /** What the last layer is given, averaged over the views; absent unless {@linkcode featureCount} knows its length. */
  readonly features?: Float32Array;
  /** As in {@linkcode Outcome}. */
  readonly unknown?: boolean;
}

/** The activations of one image, or why there are none. */
export type Logits = { readonly ok: true } & Activations | Extract<Outcome, { ok: false }>;

/** Number of classes in an {@linkcode Outcome}: the top k, in descending order of confidence. */
export const TOP_K = 5;

/** A model in memory. Its methods are synchronous: it is meant to run alone on its thread. */
export interface Classifier extends Disposable {
  /** Of the model. */
  readonly manifest: Manifest;
  /**
   * Decodes images, converts them to the form of the model and classifies them.
   *
   * @param images Encoded images, any number; `loadDecoders` of image/decode.ts has loaded what they need (PNG needs nothing).
   * @param listener Notified of each image that is decoded.
   * @returns One outcome per image, in order.
   * @throws {ModelError} Only for a fault of the model or the backend, never for an image.
   */
  classify(images: readonly Uint8Array[], listener?: DecodeListener): Outcome[];
  /**
   * Like {@linkcode Classifier.classify}, but returns what comes before temperature and softmax, for measuring.
   *
   * @param images Encoded images, any number; as for {@linkcode Classifier.classify}.
   * @param listener As for {@linkcode Classifier.classify}.
   * @returns One element per image, in order.
   * @throws {ModelError} Only for a fault of the model or the backend, never for an image.
   */
  logits(images: readonly Uint8Array[], listener?: DecodeListener): Logits[];
}

/** Follows how the images of a batch are decoded. Its methods must not throw. */
export interface DecodeListener {
  /** An image is about to be decoded: its index; or `null` for none, before inference. */
  begins?(image: number | null): void;
  /** An image is decoded, and not brought into the form of the model yet; the pixels are valid during the call. */
  decoded?(image: number, pixels: Pixels): void;
}

/**
 * Loads a model and runs it, every batch size where that makes a difference, so that missing operations are found here and
 * the first image is as fast as later ones.
 *
 * Create one classifier per thread: the kernels, and TensorFlow.js where a layer needs it, keep their state in the thread. No
 * permission is needed.
 *
 * @param files The model, from `loadModels`.
 * @param wasm The kernels, from `loadWasmBinary`.
 * @param limits Limits on the images that are decoded.
 * @param observe Receives what the layers give, for calibration.
 * @returns The classifier; the caller disposes of it.
 * @throws {ModelError} `damaged` if the size of the weights differs from the manifest; `invalid_manifest` if a layer cannot
 * be computed in the precision that it is to be; `backend` if
 * TensorFlow.js cannot start or cannot run one of the layers.
 *
 * @example
 * ```ts
 * import { createClassifier } from "./classifier.ts";
 * import { loadModels } from "./registry.ts";
 * import { loadWasmBinary } from "./wasm_binary.ts";
 * const [files] = await loadModels({ names: ["fashion-mnist"] });
 * if (files === undefined) throw new Error("unreachable");
 * using classifier = await createClassifier(files, await loadWasmBinary());
 * const [outcome] = classifier.classify([new TextEncoder().encode("no image")]);
 * console.log(outcome?.ok); // false
 * ```
 */
export async function createClassifier(
  files: ModelFiles,
  wasm: WebAssembly.Module,
  limits: DecodeLimits = {},
  observe?: ObserveLayer,
): Promise<Classifier> {
  const { name, weights, unknown } = files.manifest;
  checkSize(name, files.weights, weights);
  if (unknown?.score === "features") checkSize(name, files.scorerWeights, unknown.weights);
  const plan = planModel(files);
  await startModel(plan, wasm);
  const classifier = new LoadedClassifier(files.manifest, plan, await loadPlan(plan, observe), limits);
  try {
    classifier.warmUp();
    return classifier;
  } catch (error) {
    classifier[Symbol.dispose]();
    throw error;
  }
}

function checkSize(
  name: string,
  { byteLength }: Uint8Array = new Uint8Array(),
  { file, bytes }: WeightsSpec,
): void {
  if (byteLength === bytes) return;
  throw new ModelError(
    "damaged",
    `${name}: ${file} has ${byteLength} bytes; its manifest specifies ${bytes}`,
  );
}

class LoadedClassifier implements Classifier {
  readonly manifest: Manifest;
  readonly #limits: DecodeLimits;
  readonly #body: LoadedNetwork;
  readonly #last: LoadedNetwork | undefined;
  readonly #unknown: UnknownJudge | undefined;
  readonly #pngs: PngBatch | undefined;
  readonly #batchSizes: readonly number[];
  readonly #inputSize: number;

  constructor(
    manifest: Manifest,
    { features, batchSizes }: ModelPlan,
    { body, last, scorer }: LoadedModel,
    limits: DecodeLimits,
  ) {
    const { input, unknown } = manifest;
    this.manifest = manifest;
    this.#limits = limits;
    this.#batchSizes = batchSizes;
    this.#pngs = PngBatch.create(input, limits, batchSizes.at(-1)!);
    this.#inputSize = input.height * input.width * input.channels;
    this.#body = body;
    this.#last = last;
    this.#unknown = unknown && loadUnknownJudge(unknown, features, scorer);
  }

  /** Of black and white pixels, the largest and smallest numbers that the network can be given. */
  warmUp(): void {
    const { input, name } = this.manifest;
    const { channels, mean, std } = input;
    const image = Float32Array.from({ length: this.#inputSize }, (_, i) => {
      const channel = i % channels;
      return ((i - channel) / channels % 2 - mean[channel]!) / std[channel]!;
    });
    for (const size of this.#body.warmUpSizes) {
      const images = size / viewCount(input);
      const pixels = new Float32Array(images * image.length);
      for (let i = 0; i < images; i++) pixels.set(image, i * image.length);
      if (this.#predict(pixels, images).every(({ logits }) => logits.every(Number.isFinite))) continue;
      throw new ModelError(
        "damaged",
        `${name}: its logits are not finite numbers; its weights, or the mean and std of its input, are damaged`,
      );
    }
  }

  classify(images: readonly Uint8Array[], listener?: DecodeListener): Outcome[] {
    const { labels, temperature = 1 } = this.manifest;
    return this.logits(images, listener).map((outcome) => {
      if (!outcome.ok) return outcome;
      const [best, ...others] = topScores(outcome.logits, labels, temperature, TOP_K);
      return { ok: true, top: [best!, ...others], ...defined({ unknown: outcome.unknown }) };
    });
  }

  logits(images: readonly Uint8Array[], listener: DecodeListener = {}): Logits[] {
    const largest = this.#batchSizes.at(-1)!;
    const outcomes: Logits[] = [];
    for (let start = 0; start < images.length; start += largest) {
      const batch = images.slice(start, start + largest);
      outcomes.push(...this.#batchLogits(batch, start, listener));
    }
    return outcomes;
  }

  [Symbol.dispose](): void {
    this.#pngs?.[Symbol.dispose]();
    this.#body[Symbol.dispose]();
    this.#last?.[Symbol.dispose]();
    this.#unknown?.[Symbol.dispose]();
  }

  #batchLogits(images: readonly Uint8Array[], start: number, listener: DecodeListener): Logits[] {
    const input = new Float32Array(images.length * this.#inputSize);
    const decoded = this.#pngs?.decode(images) ?? [];
    let good = 0;
    const refusals = images.map((image, i) => {
      listener.begins?.(start + i);
      const target = input.subarray(good * this.#inputSize, (good + 1) * this.#inputSize);
      const onDecoded = (pixels: Pixels) => listener.decoded?.(start + i, pixels);
      const refusal = decoded[i]
        ? this.#form(decoded[i], target, onDecoded)
        : this.#prepare(image, target, onDecoded);
      if (refusal === undefined) good++;
      return refusal;
    });
    listener.begins?.(null);
    const results = this.#results(input, good);
    return refusals.map((refusal) => refusal ?? results.next().value!);
  }

  #prepare(image: Uint8Array, target: Float32Array, onDecoded: OnDecoded): Refusal | undefined {
    return refusalOf(() => {
      const pixels = decodeImage(image, this.#limits);
      onDecoded(pixels);
      toCanonical(pixels, this.manifest.input, target);
    });
  }

  #form({ pixels, numbers }: DecodedPng, target: Float32Array, onDecoded: OnDecoded): Refusal | undefined {
    const { input } = this.manifest;
    onDecoded(pixels);
    return refusalOf(() => {
      const formed = bringIntoForm(pixels, input);
      if (formed === pixels) target.set(numbers);
      else standardisePixels(formed, input, target);
    });
  }

  *#results(input: Float32Array, images: number): Generator<Logits, undefined> {
    if (images === 0) return;
    for (const activations of this.#predict(input.subarray(0, images * this.#inputSize), images)) {
      yield { ok: true, ...activations };
    }
  }

  /** The last layer is linear: it gives the same for the mean of the views as the mean of what it gives for each. */
  #predict(input: Float32Array, images: number): Activations[] {
    const { input: spec } = this.manifest;
    try {
      const body = averageViews(this.#body.predict(showViews(input, spec), images * viewCount(spec)), spec);
      const logits = rowsOf(this.#last?.predict(body, images) ?? body, images);
      const features = this.#last && rowsOf(body, images);
      const unknown = this.#unknown?.judge(logits, features);
      return logits.map((row, i) => ({
        logits: row,
        ...defined({ features: features?.[i], unknown: unknown?.[i] }),
      }));
    } catch (cause) {
      const reason = messageOf(cause);
      throw new ModelError("backend", `${this.manifest.name} failed on a batch of ${images}: ${reason}`, {
        cause,
      });
    }
  }
}

type OnDecoded = (pixels: Pixels) => void;

type Refusal = Extract<Logits, { ok: false }>;

/** Why an image cannot be brought into the form of the model. */
function refusalOf(prepare: () => void): Refusal | undefined {
  try {
    prepare();
    return undefined;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}
