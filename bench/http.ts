/**
 * `deno task bench:http`: what metrics and an open page cost a service, in CPU time per image and in throughput.
 *
 * Two services of this process classify the same images in turn, one without HTTP and one with it. The page that is
 * open is read by this process, too, which counts against it.
 *
 * @module
 */
import process from "node:process";
import { serve, type Service } from "../actors/serve.ts";
import { Bus } from "../bus/bus.ts";
import { createMemoryBroker } from "../bus/transport/memory.ts";
import { WorkerHttp } from "../cli/http/worker_http.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { count } from "../lib/options.ts";
import { imagesOf } from "../testing/images.ts";

const MODEL = "mnist";

/** One of the two. */
interface Side {
  readonly bus: Bus;
  readonly service: Service;
}

/** Cost of a round. */
interface Cost {
  /** CPU time of the process per image, in microseconds. */
  readonly cpu: number;
  /** Images per second. */
  readonly rate: number;
}

async function start(stack: AsyncDisposableStack, http?: WorkerHttp): Promise<Side> {
  const bus = stack.use(new Bus(createMemoryBroker().connect()));
  const options = { models: [MODEL], workersPerModel: 1, ...http && { observer: http.observer } };
  const service = stack.use(await serve(bus, options));
  http?.serving({ bus, service, group: "imagebus" });
  return { bus, service };
}

async function round({ bus }: Side, images: number): Promise<Cost> {
  await using results = bus.results();
  await results.ready;
  const digits = imagesOf(MODEL);
  const begun = performance.now();
  const before = process.cpuUsage();
  let left = images;
  const all = (async () => {
    for await (const _ of results) if (--left === 0) return;
  })();
  for (let i = 0; i < images; i += 256) {
    const batch = Math.min(256, images - i);
    await Promise.all(
      Array.from({ length: batch }, (_, j) => bus.send(digits[j % 10]!.png, { model: MODEL })),
    );
  }
  await all;
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / images, rate: images / (performance.now() - begun) * 1_000 };
}

/** Reads the stream of a page that is open, until it ends. */
async function readEvents(url: string): Promise<void> {
  const { body } = await fetch(`${url}/api/events`);
  try {
    for await (const _ of body!) continue;
  } catch {
    // The server ends all streams.
  }
}

await runTask({
  name: "bench:http",
  summary: "Compare a service with metrics and an open page to one without",
  operands: { form: "", min: 0, max: 0 },
  options: {
    images: { ...count(1_000_000), default: 5_000, text: "images per round" },
    rounds: { ...count(1_000), default: 9, text: "rounds of each" },
  },
  examples: [["deno task bench:http --rounds 15", "more rounds, where the machine is busy"]],
  async run({ values: { images, rounds } }) {
    await using stack = new AsyncDisposableStack();
    const settings = { hostname: "127.0.0.1", port: 0, token: undefined, actions: false, images: true };
    const http = stack.use(new WorkerHttp(settings));
    const [off, on] = [await start(stack), await start(stack, http)];
    void readEvents(http.url);
    for (const side of [off, on]) await round(side, images);
    const pairs: [Cost, Cost][] = [];
    for (let i = 0; i < rounds; i++) {
      const first = i % 2 === 0;
      const one = await round(first ? off : on, images);
      const other = await round(first ? on : off, images);
      pairs.push(first ? [one, other] : [other, one]);
    }
    for (const [what, side] of [["off", 0], ["on", 1]] as const) {
      const costs = pairs.map((pair) => pair[side]);
      const [cpu, rate] = [median(costs.map(({ cpu }) => cpu)), median(costs.map(({ rate }) => rate))];
      print(`HTTP ${what}: ${cpu.toFixed(1)} µs of CPU time per image, ${Math.round(rate)} images/s`);
    }
    const ratio = median(pairs.map(([off, on]) => on.cpu / off.cpu));
    print(`on / off, median of ${rounds} pairs: ${ratio.toFixed(3)} of the CPU time`);
    print(`${median(pairs.map(([off, on]) => on.rate / off.rate)).toFixed(3)} of the throughput`);
    return 0;
  },
});
