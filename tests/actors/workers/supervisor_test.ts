import { ServiceError } from "../../../actors/errors.ts";
import type { JobOutcome } from "../../../actors/workers/job.ts";
import type { ModelState } from "../../../actors/workers/status.ts";
import { Supervisor, type SupervisorOptions } from "../../../actors/workers/supervisor.ts";
import type { BatchOutcome, StartWorker, WorkerHandle } from "../../../actors/workers/worker_handle.ts";
import type { ModelFiles } from "../../../models/classifier.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";

/** What a Worker of these tests does with a batch. An image is one byte, its name. */
type Behaviour = (batch: readonly number[], die: () => void) => void;

const FILES = { manifest: { name: "test", version: "1.0.0" } } as unknown as ModelFiles;

/** Workers that fail on purpose, as real ones cannot on demand. */
function fakeWorkers(
  behaviour: Behaviour,
  memoryBytes: (batches: number) => number = () => 0,
): { start: StartWorker; batches: number[][]; started: () => number } {
  const batches: number[][] = [];
  let started = 0;
  const start: StartWorker = () => {
    started++;
    let done = 0;
    let last = Promise.resolve();
    let isDead = false;
    const gone = Promise.withResolvers<ServiceError>();
    const handle: WorkerHandle = {
      gone: gone.promise,
      terminate: () => gone.resolve(new ServiceError("worker_died", "was terminated")),
      get memoryBytes() {
        return memoryBytes(done);
      },
      async run(images): Promise<BatchOutcome> {
        done++;
        const batch = images.map((image) => image[0]!);
        batches.push(batch);
        const before = last;
        const ended = Promise.withResolvers<void>();
        last = ended.promise;
        await before;
        try {
          if (isDead) throw new ServiceError("worker_died", "died");
          behaviour(batch, () => {
            const error = new ServiceError("worker_died", "died");
            isDead = true;
            gone.resolve(error);
            throw error;
          });
        } finally {
          ended.resolve();
        }
        const top = [{ index: 0, label: "a", confidence: 1 }] as const;
        return { outcomes: batch.map(() => ({ ok: true, top })), tookMs: 1 };
      },
    };
    return Promise.resolve(handle);
  };
  return { start, batches, started: () => started };
}

function supervise(startWorker: StartWorker, options: Partial<SupervisorOptions> = {}) {
  const states: ModelState[] = [];
  const supervisor = new Supervisor(FILES, {
    workers: 1,
    batch: { maxBatch: 64, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity },
    restart: { maxRestarts: 5, periodMs: 30_000, pauseMs: 1, downPauseMs: 20 },
    worker: {
      wasm: new WebAssembly.Module(EMPTY_WASM),
      limits: {},
      deadlineMs: 1_000,
      maxMemoryBytes: 1_000,
      isolated: true,
    },
    startWorker,
    onState: (state) => states.push(state),
    ...options,
  });
  return { supervisor, states };
}

const EMPTY_WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

function submitAll(supervisor: Supervisor, names: readonly number[]): Promise<Map<number, JobOutcome>> {
  const outcomes = new Map<number, JobOutcome>();
  const all = Promise.withResolvers<Map<number, JobOutcome>>();
  for (const name of names) {
    supervisor.submit({
      id: String(name),
      stickyKey: String(name),
      image: new Uint8Array([name]),
      bytes: 1,
      settle(outcome) {
        assert(!outcomes.has(name), `image ${name} was settled twice`);
        outcomes.set(name, outcome);
        if (outcomes.size === names.length) all.resolve(outcomes);
      },
    });
  }
  return all.promise;
}

function failures(outcomes: Map<number, JobOutcome>): [number, string][] {
  return [...outcomes].flatMap(([name, outcome]) =>
    outcome.ok ? [] : [[name, outcome.code] as [number, string]]
  );
}

const NAMES = Array.from({ length: 64 }, (_, i) => i);

Deno.test("supervisor: images that came together are one batch, in order", async () => {
  const { start, batches } = fakeWorkers(() => {});
  const { supervisor } = supervise(start);
  await supervisor.start();
  await submitAll(supervisor, NAMES);
  assertEquals(batches, [NAMES]);
  await supervisor.stop();
});

Deno.test("supervisor: batches grow to what takes the time that a batch may take, by the measured speed", async () => {
  const { start, batches } = fakeWorkers(() => {});
  const { supervisor } = supervise(start, {
    batch: { maxBatch: 64, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: 2 },
  });
  await supervisor.start();
  await submitAll(supervisor, NAMES);
  const sizes = batches.map(({ length }) => length);
  assertEquals(sizes[0], 4);
  assert(Math.max(...sizes) > 5, `${sizes}`);
  await supervisor.stop();
});

Deno.test("supervisor: only the culprit fails when a Worker dies of one image; the Worker is replaced", async () => {
  const { start, started } = fakeWorkers((batch, die) => batch.includes(42) && die());
  const { supervisor, states } = supervise(start);
  await supervisor.start();
  assertEquals(failures(await submitAll(supervisor, NAMES)), [[42, "model_died"]]);
  assertEquals(started(), 4);
  assert(!states.includes("down"), `one image must not take the model down: ${states}`);
  await supervisor.stop();
});

Deno.test("supervisor: a batch that waited in a Worker behind the one it died of is retried whole", async () => {
  const { start, batches } = fakeWorkers((batch, die) => batch.includes(2) && die());
  const batch = { maxBatch: 4, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity };
  const { supervisor } = supervise(start, { batch });
  await supervisor.start();
  assertEquals(failures(await submitAll(supervisor, NAMES.slice(0, 8))), [[2, "model_died"]]);
  assertEquals(batches.slice(0, 2), [[0, 1, 2, 3], [4, 5, 6, 7]], "both were given to the first Worker");
  assertEquals(batches.slice(2).filter((names) => names.some((name) => name > 3)), [[4, 5, 6, 7]]);
  await supervisor.stop();
});

Deno.test("supervisor: a model that keeps dying is down for a while, keeps its work, and recovers", async () => {
  let broken = true;
  const { start } = fakeWorkers((_, die) => broken && die());
  const states: ModelState[] = [];
  const { supervisor } = supervise(start, {
    restart: { maxRestarts: 3, periodMs: 30_000, pauseMs: 1, downPauseMs: 20 },
    onState(state) {
      states.push(state);
      if (state === "down") broken = false;
    },
  });
  await supervisor.start();
  const outcomes = await submitAll(supervisor, [1, 2, 3, 4, 5]);
  assert(states.includes("down"), `expected it to go down: ${states}`);
  assertEquals(states.at(-1), "up");
  assert(failures(outcomes).length <= 1, "only an image that was tried alone twice may fail");
  await supervisor.stop();
});

Deno.test("supervisor: start rejects with the reason when a Worker does not start", async () => {
  const { supervisor } = supervise(() =>
    Promise.reject(new ServiceError("worker_failed", "could not load its model"))
  );
  await assertRejects(() => supervisor.start(), ServiceError, "could not load its model");
  await supervisor.stop();
});

Deno.test("supervisor: stop ends busy Workers", async () => {
  const gone = Promise.withResolvers<ServiceError>();
  const busy = Promise.withResolvers<void>();
  const { supervisor } = supervise(() =>
    Promise.resolve({
      gone: gone.promise,
      terminate: () => gone.resolve(new ServiceError("worker_died", "was terminated")),
      run: () => {
        busy.resolve();
        return gone.promise.then((error) => Promise.reject(error));
      },
    })
  );
  await supervisor.start();
  submitAll(supervisor, [1]);
  await busy.promise;
  await supervisor.stop();
  assertEquals(supervisor.state, "stopped");
});

Deno.test("supervisor: a Worker that exceeds its memory limit is replaced between batches, which does not count as a death", async () => {
  const { start, batches, started } = fakeWorkers(() => {}, (batches) => 400 + 650 * batches);
  const replaced: string[] = [];
  const { supervisor, states } = supervise(start, {
    batch: { maxBatch: 1, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity },
    restart: { maxRestarts: 1, periodMs: 30_000, pauseMs: 1, downPauseMs: 20 },
    onReplaced: (reason) => replaced.push(reason),
  });
  await supervisor.start();
  for (const name of NAMES) assertEquals(failures(await submitAll(supervisor, [name])), []);
  await supervisor.stop();
  const [worker] = supervisor.status().workers;
  assertEquals(batches.flat(), NAMES);
  assertEquals(states, ["up", "stopped"]);
  assert(replaced.length >= NAMES.length - 1, `replaced ${replaced.length} times`);
  assertEquals([worker!.replacements, worker!.restarts, started()], [
    replaced.length,
    0,
    replaced.length + 1,
  ]);
});

Deno.test("supervisor: a batch on which a Worker ran out of memory is retried by its replacement", async () => {
  const { start, started } = fakeWorkers(
    () => {
      if (started() === 1) throw new ServiceError("worker_failed", "out of memory");
    },
    (batches) => started() === 1 && batches > 0 ? 2_000 : 500,
  );
  const { supervisor } = supervise(start);
  await supervisor.start();
  assertEquals(failures(await submitAll(supervisor, NAMES)), []);
  assertEquals(started(), 2);
  await supervisor.stop();
});

Deno.test("supervisor: status shows what each Worker has done, and when a dead one is started again", async () => {
  const down = Promise.withResolvers<void>();
  const { start } = fakeWorkers((batch, die) => batch.includes(42) && die(), () => 500);
  const { supervisor } = supervise(start, {
    restart: { maxRestarts: 2, periodMs: 30_000, pauseMs: 1, downPauseMs: 60_000 },
    onState: (state) => state === "down" && down.resolve(),
  });
  const before = supervisor.status();
  assertEquals([before.state, before.workers.map(({ state }) => state)], ["starting", ["starting"]]);
  await supervisor.start();
  await submitAll(supervisor, [1, 2, 3]);
  const idle = { state: "idle", restarts: 0, replacements: 0, images: 3, failures: 0, inFlight: 0 } as const;
  const up = supervisor.status();
  assertEquals([up.state, up.nextTryAt, up.workers], ["up", null, [{ ...idle, memoryBytes: 500 }]]);
  void submitAll(supervisor, [42]);
  await down.promise;
  const { state, since, nextTryAt, reason, workers } = supervisor.status();
  assertEquals([state, reason, workers[0]!.state, workers[0]!.restarts], ["down", "died", "restarting", 1]);
  const pauseMs = Date.parse(nextTryAt!) - Date.parse(since);
  assert(pauseMs >= 30_000 && pauseMs <= 60_000, `started again after ${pauseMs} ms`);
  await supervisor.stop();
});

Deno.test("supervisor: status counts images that could not be classified", async () => {
  const busy = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { supervisor } = supervise(() =>
    Promise.resolve({
      gone: new Promise<ServiceError>(() => {}),
      terminate: () => {},
      async run(images) {
        busy.resolve();
        await go.promise;
        const bad = { ok: false, code: "damaged", message: "" } as const;
        return { outcomes: images.map(() => bad), tookMs: 1 };
      },
    })
  );
  await supervisor.start();
  const all = submitAll(supervisor, [1, 2]);
  await busy.promise;
  const [working] = supervisor.status().workers;
  assertEquals([working!.state, working!.inFlight, working!.memoryBytes], ["busy", 2, null]);
  go.resolve();
  await all;
  const [done] = supervisor.status().workers;
  assertEquals([done!.images, done!.failures], [2, 2]);
  await supervisor.stop();
});

Deno.test("supervisor: each image is settled once while Workers are added and removed", async () => {
  const { start, started } = fakeWorkers(() => {});
  const batch = { maxBatch: 4, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity };
  const { supervisor } = supervise(start, { batch });
  await supervisor.start();
  const outcomes = submitAll(supervisor, NAMES);
  await supervisor.grow();
  await supervisor.grow();
  assertEquals(supervisor.status().workers.length, 3);
  assertEquals((await outcomes).size, NAMES.length);
  for (const left of [2, 1]) {
    supervisor.shrink();
    assertEquals(supervisor.load(), { workers: left, busy: 0, fullBatchWaits: false });
  }
  assertEquals((await submitAll(supervisor, NAMES)).size, NAMES.length);
  assertEquals(started(), 3);
  await supervisor.stop();
});

Deno.test("supervisor: grow rejects when the new Worker does not start, and the others go on", async () => {
  const { start } = fakeWorkers(() => {});
  let starts = 0;
  const { supervisor, states } = supervise((files, options) =>
    starts++ === 0 ? start(files, options) : Promise.reject(new ServiceError("worker_failed", "no memory"))
  );
  await supervisor.start();
  await assertRejects(() => supervisor.grow(), ServiceError, "no memory");
  assertEquals([supervisor.load().workers, supervisor.state], [1, "up"]);
  assertEquals((await submitAll(supervisor, NAMES)).size, NAMES.length);
  await supervisor.stop();
  assertEquals(states, ["up", "stopped"]);
});

Deno.test("supervisor: a Worker has a batch to go on with before the one that it has finished is settled", async () => {
  const events: string[] = [];
  const { supervisor } = supervise(() => {
    const gone = Promise.withResolvers<ServiceError>();
    return Promise.resolve({
      gone: gone.promise,
      terminate: () => gone.resolve(new ServiceError("worker_died", "terminated")),
      run(images) {
        events.push(`run ${images.map(([name]) => name)}`);
        const bad = { ok: false, code: "damaged", message: "" } as const;
        return Promise.resolve({ outcomes: images.map(() => bad), tookMs: 1 });
      },
    });
  }, { batch: { maxBatch: 1, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity } });
  await supervisor.start();
  const all = Promise.withResolvers<void>();
  for (const name of [1, 2, 3]) {
    supervisor.submit({
      id: `${name}`,
      stickyKey: `${name}`,
      image: new Uint8Array([name]),
      bytes: 1,
      settle() {
        events.push(`settled ${name}`);
        if (name === 3) all.resolve();
      },
    });
  }
  await all.promise;
  assertEquals(events, ["run 1", "run 2", "run 3", "settled 1", "settled 2", "settled 3"]);
  await supervisor.stop();
});

Deno.test("supervisor: no batch waits in a Worker while another Worker is idle", async () => {
  const given: [worker: number, batch: number[]][] = [];
  let started = 0;
  const end = Promise.withResolvers<void>();
  const { supervisor } = supervise(() => {
    const worker = ++started;
    const gone = Promise.withResolvers<ServiceError>();
    return Promise.resolve({
      gone: gone.promise,
      terminate: () => gone.resolve(new ServiceError("worker_died", "terminated")),
      async run(images) {
        given.push([worker, images.map(([name]) => name!)]);
        await end.promise;
        return {
          outcomes: images.map(() => ({ ok: false, code: "damaged", message: "" } as const)),
          tookMs: 1,
        };
      },
    });
  }, { workers: 2, batch: { maxBatch: 2, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: Infinity } });
  await supervisor.start();
  const settled = submitAll(supervisor, [1, 2, 3, 4]);
  while (given.length < 2) await Promise.resolve();
  assertEquals(given, [[1, [1, 2]], [2, [3, 4]]]);
  end.resolve();
  await settled;
  await supervisor.stop();
});
