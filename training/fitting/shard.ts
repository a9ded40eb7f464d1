// The full package registers the gradients of the operations; the core alone has none. Both share one core.
import "npm:@tensorflow/tfjs@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { correctPredictions } from "../../models/logits.ts";
import { averageViews, showViews, viewCount } from "../../models/image/views.ts";
import { Preparation, UNCHANGED } from "../augmentation/augment.ts";
import { forward } from "./forward.ts";
import type { Moments } from "./operations.ts";
import { listParameters, type Parameter, toTensors } from "./parameters.ts";
import { Random } from "../random.ts";
import type { TrainingTask } from "./training_task.ts";

/** Images of a shard, and their place in the training. */
export interface ShardImages {
  /** Their positions in the training data. */
  readonly indices: Uint32Array;
  /** From 0. */
  readonly epoch: number;
  /** Number of images that were used before the first of them; decides how they are augmented. */
  readonly seen: number;
}

/** Computes shards on TensorFlow.js of this thread. It keeps no state from one shard to the next. */
export class ShardTrainer {
  readonly #task: TrainingTask;
  readonly #parameters: readonly Parameter[];
  readonly #varied: Preparation;
  readonly #unchanged: Preparation;

  /** @param task What is trained; the backend of this thread has been started. */
  constructor(task: TrainingTask) {
    this.#task = task;
    this.#parameters = listParameters(task.layers, task.recipe);
    this.#varied = new Preparation(task.train, task.input, task.recipe.augmentation);
    this.#unchanged = new Preparation(task.validation, task.input, UNCHANGED);
  }

  /**
   * Computes the loss of a shard and its gradient.
   *
   * @param numbers All parameters.
   * @param images Of the shard.
   * @param gradient Overwritten with the gradient of the mean loss.
   * @returns Mean loss in nats, and number of correct predictions.
   */
  gradient(
    numbers: Float32Array,
    images: ShardImages,
    gradient: Float32Array,
  ): { loss: number; correct: number } {
    const { recipe, train } = this.#task;
    const labels = Int32Array.from(images.indices, (index) => train.labels[index]!);
    let [loss, correct] = [0, 0];
    tf.tidy(() => {
      const input = this.#prepare(images);
      const wanted = tf.oneHot(tf.tensor1d(labels, "int32"), train.classes.length);
      const tensors = toTensors(this.#parameters, numbers);
      const trained = tensors.filter((_, i) => this.#parameters[i]!.kind !== "fixed");
      const lossOf = (): tf.Scalar => {
        const logits = this.#forward(tensors, input);
        correct = correctPredictions(logits.dataSync<"float32">(), labels);
        return tf.losses.softmaxCrossEntropy(wanted, logits, undefined, recipe.labelSmoothing) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(lossOf)(trained);
      loss = value.dataSync()[0]!;
      this.#collect(grads, gradient);
    });
    return { loss, correct };
  }

  /**
   * Computes the moments of the batch normalisations.
   *
   * @param numbers All parameters.
   * @param images Of the shard.
   * @returns One per batch normalisation.
   */
  moments(numbers: Float32Array, images: ShardImages): Moments[] {
    const moments: Moments[] = [];
    tf.tidy(() => {
      this.#forward(
        toTensors(this.#parameters, numbers),
        this.#prepare(images),
        (found) => moments.push(found),
      );
    });
    return moments;
  }

  /**
   * Runs validation images through the network as it is served: in all views, without batch normalisation.
   *
   * @param folded All parameters, from `foldBatchNorm`.
   * @param first Index of the first image.
   * @param logits Overwritten: one row per image.
   */
  predict(folded: Float32Array, first: number, logits: Float32Array): void {
    const { input: spec, layers, validation, recipe } = this.#task;
    const images = logits.length / validation.classes.length;
    const batch = new Float32Array(images * this.#unchanged.size);
    for (let i = 0; i < images; i++) {
      this.#unchanged.write(first + i, false, NONE, batch.subarray(i * this.#unchanged.size));
    }
    tf.tidy(() => {
      const tensors = toTensors(this.#parameters, folded);
      const input = tf.tensor4d(showViews(batch, spec), [
        images * viewCount(spec),
        spec.height,
        spec.width,
        spec.channels,
      ]);
      const options = { batchNorm: false, fixedFirst: recipe.initial.whiten };
      const outputs = forward(layers, tensors, input, options).dataSync<"float32">();
      logits.set(averageViews(outputs, spec));
    });
  }

  #forward(
    tensors: readonly tf.Tensor[],
    input: tf.Tensor,
    onMoments?: (moments: Moments) => void,
  ): tf.Tensor2D {
    const { layers, recipe } = this.#task;
    const options = { batchNorm: recipe.batchNorm, fixedFirst: recipe.initial.whiten };
    const logits = forward(
      layers,
      tensors,
      input,
      onMoments === undefined ? options : { ...options, onMoments },
    );
    return recipe.logitScale === undefined ? logits : tf.mul(logits, recipe.logitScale);
  }

  #prepare({ indices, epoch, seen }: ShardImages): tf.Tensor4D {
    const { recipe: { seed, augmentation }, input: { height, width, channels } } = this.#task;
    const { size } = this.#varied;
    const batch = new Float32Array(indices.length * size);
    indices.forEach((index, i) => {
      const mirrored = augmentation.mirror && (isMirroredFirst(seed, index) !== (epoch % 2 === 1));
      this.#varied.write(index, mirrored, new Random(seed, FIRST_IMAGE + seen + i), batch.subarray(i * size));
    });
    return tf.tensor4d(batch, [indices.length, height, width, channels]);
  }

  #collect(grads: readonly tf.Tensor[], gradient: Float32Array): void {
    let next = 0;
    for (const { kind, start, end } of this.#parameters) {
      if (kind === "fixed") gradient.fill(0, start, end);
      else gradient.set(grads[next++]!.dataSync(), start);
    }
  }
}

const NONE = new Random(0, 0);

/** First stream of random numbers of the images; those of the epochs are below. */
const FIRST_IMAGE = 0x10_0000;

function isMirroredFirst(seed: number, index: number): boolean {
  return (Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b)) >>> 31 === 1;
}
