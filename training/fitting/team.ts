/**
 * Workers that share a training.
 *
 * Numbers are exchanged in shared memory. A batch is a fixed number of shards, which idle Workers claim. Sums
 * are computed in the order of the shards, so the result depends neither on the number of Workers nor on
 * their speed.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { averageMoments } from "./fold.ts";
import type { Moments } from "./operations.ts";
import { listParameters, type Parameter } from "./parameters.ts";
import type { TrainingTask } from "./training_task.ts";
import {
  channelsOf,
  type FromWorker,
  MOMENT_SHARDS,
  momentNumbers,
  PREDICT_SHARD,
  type SharedNumbers,
  type ToWorker,
} from "./training_protocol.ts";

/** The Workers of one training. */
export class Team implements AsyncDisposable {
  /** The tensors of the network. */
  readonly parameters: readonly Parameter[];
  readonly #task: TrainingTask;
  readonly #shared: SharedNumbers;
  readonly #workers: readonly Worker[];

  private constructor(task: TrainingTask, shared: SharedNumbers, workers: readonly Worker[]) {
    this.parameters = listParameters(task.layers, task.recipe);
    this.#task = task;
    this.#shared = shared;
    this.#workers = workers;
  }

  /**
   * Starts the Workers.
   *
   * @param task What is trained.
   * @param workers How many.
   * @param wasm From `loadWasmBinary`.
   * @returns The team, ready to use.
   * @throws {ModelError} `backend`
   */
  static async start(task: TrainingTask, workers: number, wasm: WebAssembly.Module): Promise<Team> {
    const shared = shareNumbers(task);
    const common = { ...task, train: share(task.train), validation: share(task.validation) };
    const all = Array.from({ length: workers }, startWorker);
    const team = new Team(common, shared, all);
    try {
      await team.#ask({ kind: "start", task: common, shared, wasm });
      return team;
    } catch (error) {
      await team[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Computes the gradient of a batch.
   *
   * @param numbers All parameters.
   * @param indices The images.
   * @param epoch From 0.
   * @param seen Number of images that were used before.
   * @param gradient Overwritten with that of the mean loss.
   * @returns Mean loss in nats, and number of correct predictions.
   * @throws {ModelError} `backend`
   */
  async gradient(
    numbers: Float32Array,
    indices: Uint32Array,
    epoch: number,
    seen: number,
    gradient: Float32Array,
  ): Promise<{ loss: number; correct: number }> {
    const { parameters, gradients, reports } = this.#shared;
    const shards = indices.length / this.#task.recipe.shard;
    parameters.set(numbers);
    this.#shared.indices.set(indices);
    await this.#ask({ kind: "gradients", epoch, seen, shards });
    gradient.fill(0);
    for (let shard = 0; shard < shards; shard++) {
      const from = gradients.subarray(shard * gradient.length, (shard + 1) * gradient.length);
      for (let i = 0; i < gradient.length; i++) gradient[i]! += from[i]! / shards;
    }
    let [loss, correct] = [0, 0];
    for (let shard = 0; shard < shards; shard++) {
      loss += reports[2 * shard]! / shards;
      correct += reports[2 * shard + 1]!;
    }
    return { loss, correct };
  }

  /**
   * Computes the moments of the batch normalisations over some training images.
   *
   * @param numbers All parameters.
   * @param indices The images of at most {@linkcode MOMENT_SHARDS} complete shards.
   * @returns One per batch normalisation.
   * @throws {ModelError} `backend`
   */
  async moments(numbers: Float32Array, indices: Uint32Array): Promise<Moments[]> {
    const shards = indices.length / this.#task.recipe.shard;
    this.#shared.parameters.set(numbers);
    this.#shared.indices.set(indices);
    await this.#ask({ kind: "moments", epoch: 0, seen: 0, shards });
    return averageMoments(Array.from({ length: shards }, (_, shard) => this.#momentsOf(shard)));
  }

  /**
   * Runs the validation images through the network.
   *
   * @param folded All parameters, from `foldBatchNorm`.
   * @returns Logits, one row per image.
   * @throws {ModelError} `backend`
   */
  async predict(folded: Float32Array): Promise<Float32Array> {
    this.#shared.parameters.set(folded);
    await this.#ask({ kind: "predict", shards: Math.ceil(this.#task.validation.count / PREDICT_SHARD) });
    return this.#shared.logits.slice();
  }

  /** Terminates the Workers. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.terminate();
    return Promise.resolve();
  }

  async #ask(message: ToWorker): Promise<void> {
    this.#shared.next[0] = 0;
    await Promise.all(this.#workers.map((worker) => ask(worker, message)));
  }

  #momentsOf(shard: number): Moments[] {
    const channels = channelsOf(this.parameters);
    let at = shard * momentNumbers(this.parameters);
    const take = (length: number) => this.#shared.moments.slice(at, at += length);
    return channels.map((count) => ({ mean: take(count), variance: take(count) }));
  }
}

function startWorker(): Worker {
  const url = new URL("./training_worker.ts", import.meta.url);
  return new Worker(url, { type: "module", deno: { permissions: "none" } } as WorkerOptions);
}

function ask(worker: Worker, message: ToWorker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "done") resolve();
      else reject(new ModelError("backend", `A training Worker failed: ${data.message}`));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new ModelError("backend", `A training Worker terminated: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

function shareNumbers(task: TrainingTask): SharedNumbers {
  const { recipe, validation } = task;
  const parameters = listParameters(task.layers, recipe);
  const numbers = parameters.at(-1)!.end;
  const shards = recipe.batch / recipe.shard;
  const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
  return {
    next: new Int32Array(new SharedArrayBuffer(4)),
    parameters: floats(numbers),
    indices: new Uint32Array(new SharedArrayBuffer(4 * Math.max(recipe.batch, MOMENT_SHARDS * recipe.shard))),
    gradients: floats(numbers * shards),
    reports: new Float64Array(new SharedArrayBuffer(16 * shards)),
    moments: floats(MOMENT_SHARDS * momentNumbers(parameters)),
    logits: floats(validation.count * validation.classes.length),
  };
}

/** Copies the images to shared memory, which is posted without a copy. */
function share(data: DataSet): DataSet {
  const pixels = new Uint8Array(new SharedArrayBuffer(data.pixels.byteLength));
  pixels.set(data.pixels);
  return { ...data, pixels };
}
