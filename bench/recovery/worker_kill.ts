import { serveWith } from "../../actors/serve.ts";
import { connect } from "../../bus/connect.ts";
import { imagesOf } from "../../testing/images.ts";
import { TrackedWorkers } from "./tracked_worker.ts";

/** Recovery times after a model's Worker was terminated in the middle of a batch, in milliseconds. */
export interface WorkerKills {
  readonly model: string;
  /** Until the next Worker was ready. */
  readonly replacedMs: readonly number[];
  /** Until the last image of the batch had a result. */
  readonly finishedMs: readonly number[];
}

const BATCH = 64;

/**
 * Repeatedly terminates the Worker of a model in the middle of a batch of 64.
 *
 * @param model A shipped model.
 * @param kills How often.
 * @param directory Directory of the embedded bus.
 */
export async function killWorkers(model: string, kills: number, directory: string): Promise<WorkerKills> {
  const workers = new TrackedWorkers();
  await using bus = await connect(`sqlite:${directory}/bus.db`);
  let replaced = Promise.withResolvers<number>();
  await using _service = await serveWith(workers.start, bus, {
    models: [model],
    workersPerModel: 1,
    onEvent(event) {
      if (event.type === "model" && event.reason === "restarted") replaced.resolve(performance.now());
    },
  });
  const images = imagesOf(model).map(({ png }) => png);
  // One key means one partition, so that all images arrive together.
  const classifyAll = () =>
    Promise.all(
      Array.from({ length: BATCH }, (_, i) =>
        bus.classify(images[i % images.length]!, { model, key: "bench", timeoutMs: 120_000 })),
    );
  await classifyAll();
  const [replacedMs, finishedMs]: [number[], number[]] = [[], []];
  for (let kill = 0; kill < kills; kill++) {
    replaced = Promise.withResolvers();
    const terminated = workers.terminateNext(model);
    const all = classifyAll();
    const terminatedAt = await terminated;
    const results = await all;
    finishedMs.push(performance.now() - terminatedAt);
    replacedMs.push(await replaced.promise - terminatedAt);
    if (results.some(({ status }) => status !== "classified")) {
      throw new Error(`An image of ${model} failed`);
    }
  }
  return { model, replacedMs, finishedMs };
}
