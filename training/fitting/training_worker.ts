/**
 * One Worker of a `Team`: it claims shards of a job until none is left. It has no permissions.
 *
 * @module
 */
import { messageOf } from "../../lib/coded_error.ts";
import { startBackend } from "../../models/backend.ts";
import type { Moments } from "./operations.ts";
import { ShardTrainer } from "./shard.ts";
import type { TrainingTask } from "./training_task.ts";
import { listParameters } from "./parameters.ts";
import { momentNumbers, PREDICT_SHARD } from "./training_protocol.ts";
import type { FromWorker, Job, SharedNumbers, ToWorker } from "./training_protocol.ts";

let work: ((job: Job) => void) | undefined;

async function answer(message: ToWorker): Promise<FromWorker> {
  try {
    if (message.kind === "start") {
      await startBackend(message.wasm);
      work = workOn(message.task, message.shared);
    } else {
      work!(message);
    }
    return { kind: "done" };
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
}

function workOn(task: TrainingTask, shared: SharedNumbers): (job: Job) => void {
  const trainer = new ShardTrainer(task);
  return (job) => {
    for (;;) {
      const shard = Atomics.add(shared.next, 0, 1);
      if (shard >= job.shards) return;
      if (job.kind === "predict") predict(trainer, task, shared, shard);
      else train(trainer, task, shared, job, shard);
    }
  };
}

function predict(
  trainer: ShardTrainer,
  task: TrainingTask,
  { parameters, logits }: SharedNumbers,
  shard: number,
): void {
  const row = task.validation.classes.length;
  const first = shard * PREDICT_SHARD;
  trainer.predict(parameters, first, logits.subarray(first * row, (first + PREDICT_SHARD) * row));
}

function train(
  trainer: ShardTrainer,
  task: TrainingTask,
  shared: SharedNumbers,
  job: Extract<Job, { epoch: number }>,
  shard: number,
): void {
  const size = task.recipe.shard;
  const first = shard * size;
  const images = {
    indices: shared.indices.slice(first, first + size),
    epoch: job.epoch,
    seen: job.seen + first,
  };
  const count = shared.parameters.length;
  if (job.kind === "moments") {
    const length = momentNumbers(listParameters(task.layers, task.recipe));
    writeMoments(trainer.moments(shared.parameters, images), shared.moments.subarray(shard * length));
    return;
  }
  const gradient = shared.gradients.subarray(shard * count, (shard + 1) * count);
  const { loss, correct } = trainer.gradient(shared.parameters, images, gradient);
  shared.reports.set([loss, correct], 2 * shard);
}

function writeMoments(moments: readonly Moments[], target: Float32Array): void {
  let at = 0;
  for (const { mean, variance } of moments) {
    target.set(mean, at);
    target.set(variance, at + mean.length);
    at += 2 * mean.length;
  }
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
};

scope.onmessage = async ({ data }) => scope.postMessage(await answer(data));
