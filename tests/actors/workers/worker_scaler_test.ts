import { ServiceError } from "../../../actors/errors.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import { type Scalable, WorkerScaler } from "../../../actors/workers/worker_scaler.ts";
import { assertEquals } from "../../../testing/assert.ts";

/** A model whose Workers are all busy, with a full batch waiting, while `loaded`. */
class FakeModel implements Scalable {
  readonly min = 1;
  readonly max = 4;
  loaded = true;
  workers = 1;

  constructor(readonly model: string) {}

  load() {
    return { workers: this.workers, busy: this.loaded ? this.workers : 0, fullBatchWaits: this.loaded };
  }

  grow(): Promise<void> {
    this.workers++;
    return Promise.resolve();
  }

  shrink(): void {
    this.workers--;
  }
}

function scale(models: Scalable[], threads: number) {
  const events: ServiceEvent[] = [];
  const scaler = new WorkerScaler({ models, threads, listener: (event) => events.push(event) });
  const seconds = async (count: number) => {
    for (let i = 0; i < count; i++) await scaler.tick();
  };
  return { seconds, events };
}

Deno.test("worker scaler: a model whose Workers are all busy gets one more every two seconds, up to its maximum", async () => {
  const model = new FakeModel("mnist");
  const { seconds, events } = scale([model], 8);
  const counts: number[] = [];
  for (let i = 0; i < 10; i++) counts.push((await seconds(1), model.workers));
  assertEquals(counts, [1, 2, 2, 3, 3, 4, 4, 4, 4, 4]);
  assertEquals(events[0], { type: "workers_scaled", model: "mnist", workers: 2 });
});

Deno.test("worker scaler: a burst of a second changes nothing", async () => {
  const model = new FakeModel("mnist");
  const { seconds } = scale([model], 8);
  for (let i = 0; i < 5; i++) {
    model.loaded = true;
    await seconds(1);
    model.loaded = false;
    await seconds(1);
  }
  assertEquals(model.workers, 1);
});

Deno.test("worker scaler: all models together have no more busy Workers than threads", async () => {
  const models = [new FakeModel("mnist"), new FakeModel("cifar-10")];
  const { seconds } = scale(models, 3);
  await seconds(20);
  assertEquals(models.reduce((sum, { workers }) => sum + workers, 0), 3);
  const alone = [new FakeModel("mnist"), new FakeModel("cifar-10")];
  alone[1]!.loaded = false;
  await scale(alone, 3).seconds(20);
  assertEquals(alone.map(({ workers }) => workers), [3, 1]);
});

Deno.test("worker scaler: a Worker that was idle for half a minute is ended, one at a time, down to the minimum", async () => {
  const model = new FakeModel("mnist");
  const { seconds } = scale([model], 8);
  await seconds(4);
  assertEquals(model.workers, 3);
  model.loaded = false;
  await seconds(29);
  assertEquals(model.workers, 3);
  await seconds(1);
  assertEquals(model.workers, 2);
  await seconds(100);
  assertEquals(model.workers, 1);
});

Deno.test("worker scaler: a Worker that does not start is reported, and retried", async () => {
  const model = new FakeModel("mnist");
  const grow = model.grow.bind(model);
  let fails = true;
  model.grow = () => fails ? Promise.reject(new ServiceError("worker_failed", "no memory")) : grow();
  const { seconds, events } = scale([model], 8);
  await seconds(2);
  fails = false;
  assertEquals(events, [{ type: "worker_missing", model: "mnist", reason: "no memory" }]);
  await seconds(2);
  assertEquals(model.workers, 2);
});
