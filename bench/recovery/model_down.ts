import { sleep } from "../../lib/sleep.ts";
import { serveWith } from "../../actors/serve.ts";
import type { Bus } from "../../bus/bus.ts";
import { connect } from "../../bus/connect.ts";
import { imagesOf } from "../../testing/images.ts";
import { TrackedWorkers } from "./tracked_worker.ts";

/** Throughput of the other models before and while one is down. */
export interface ModelDown {
  /** The model that was down. */
  readonly down: string;
  /** Its state at the end of the measurement. */
  readonly state: string;
  /** The others, each with its images per second. */
  readonly others: readonly { readonly model: string; readonly before: number; readonly during: number }[];
}

const OTHERS = ["fashion-mnist", "cifar-10"];
const DOWN = "mnist";

/** Images in flight per model: enough to fill the next batch while one is computed. */
const WAITING = 192;

/** Images per second of the model that goes down: few, so that the others gain no time from its absence. */
const RATE = 20;

/** Keeps a model busy, and counts its results. */
class Load {
  answered = 0;
  readonly #stop: AbortSignal;
  readonly #running: Promise<void>[];

  constructor(bus: Bus, model: string, stop: AbortSignal) {
    this.#stop = stop;
    const images = imagesOf(model).map(({ png }) => png);
    this.#running = Array.from(
      { length: WAITING },
      (_, i) => this.#run(bus, model, images[i % images.length]!),
    );
  }

  async #run(bus: Bus, model: string, png: Uint8Array): Promise<void> {
    while (!this.#stop.aborted) {
      await bus.classify(png, { model, timeoutMs: 300_000 });
      this.answered++;
    }
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}

/**
 * Keeps two models busy, and measures their throughput before and while a third one is down.
 *
 * @param seconds Length of each of the two measurements.
 * @param directory Directory of the embedded bus.
 */
export async function takeModelDown(seconds: number, directory: string): Promise<ModelDown> {
  const workers = new TrackedWorkers();
  await using bus = await connect(`sqlite:${directory}/bus.db`);
  await using service = await serveWith(workers.start, bus, {
    models: [DOWN, ...OTHERS],
    workersPerModel: 1,
    drainMs: 0,
  });
  const stop = new AbortController();
  const trickle = setInterval(() => void bus.send(imagesOf(DOWN)[0]!.png, { model: DOWN }), 1_000 / RATE);
  const loads = OTHERS.map((model) => new Load(bus, model, stop.signal));
  await rates(loads, Math.min(10, seconds));
  const before = await rates(loads, seconds);
  workers.terminateAll(DOWN);
  while (stateOf() !== "down") await sleep(20);
  const during = await rates(loads, seconds);
  const state = stateOf();
  clearInterval(trickle);
  stop.abort();
  await Promise.all(loads.map((load) => load.ended()));
  return {
    down: DOWN,
    state,
    others: OTHERS.map((model, i) => ({ model, before: before[i]!, during: during[i]! })),
  };

  function stateOf(): string {
    return service.status().find(({ model }) => model === DOWN)!.state;
  }
}

async function rates(loads: readonly Load[], seconds: number): Promise<number[]> {
  const [begun, before] = [performance.now(), loads.map(({ answered }) => answered)];
  await sleep(seconds * 1_000);
  const elapsed = (performance.now() - begun) / 1_000;
  return loads.map(({ answered }, i) => (answered - before[i]!) / elapsed);
}
