/**
 * `deno task bench:shadow`: what a shadow costs the version that is served. Two worker processes, one with a shadow, are
 * asked in turn.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import { connect } from "../bus/connect.ts";
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { count } from "../lib/options.ts";
import { sleep } from "../lib/sleep.ts";
import { WorkerProcess } from "../testing/harness/worker_process.ts";
import { imagesOf } from "../testing/images.ts";
import { latencies, quantile } from "./open_loop.ts";

const MODEL = "mnist";
const SHADOW = "2.0.1";
const IMAGES = imagesOf(MODEL).map(({ png }) => png);
const SHIPPED = new URL(`../models/${MODEL}/`, import.meta.url);
const START_MS = 30_000;

/** A directory in which another version of the model has the same weights. */
async function writeVersions(directory: string, shadow: string | undefined): Promise<void> {
  const folder = `${directory}/models/${MODEL}`;
  await Deno.mkdir(`${folder}/${SHADOW}`, { recursive: true });
  for (const file of ["weights.bin", "unknown.bin"]) {
    await Deno.copyFile(new URL(file, SHIPPED), `${folder}/${SHADOW}/${file}`);
  }
  const manifest = JSON.parse(await Deno.readTextFile(new URL("manifest.json", SHIPPED)));
  const serving = { format: 1, serve: manifest.version, ...shadow !== undefined && { shadow } };
  await Deno.writeTextFile(
    `${folder}/${SHADOW}/manifest.json`,
    JSON.stringify({ ...manifest, version: SHADOW }),
  );
  await Deno.writeTextFile(`${folder}/serving.json`, JSON.stringify(serving));
}

/** A worker process with a bus of its own, and all that was measured with it. */
class Side implements AsyncDisposable {
  readonly times: number[] = [];
  /** The 99th percentile of each round. */
  readonly p99: number[] = [];
  readonly #stack = new AsyncDisposableStack();
  #bus!: Bus;

  static async start(shadow?: string): Promise<Side> {
    const side = new Side();
    const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
    side.#stack.defer(() => Deno.remove(directory, { recursive: true }));
    await writeVersions(directory, shadow);
    const bus = `sqlite:${directory}/bus.db`;
    const args = ["--quiet", "--models", MODEL, "--models-dirs", `${directory}/models`];
    side.#bus = side.#stack.use(await connect(bus));
    const worker = side.#stack.use(await WorkerProcess.start({ bus, directory, args }));
    const deadline = Date.now() + START_MS;
    while (shadow !== undefined && !worker.log.some((line) => line.includes(SHADOW))) {
      if (Date.now() > deadline) throw new Error(`No shadow after ${START_MS} ms: ${worker.log.join("\n")}`);
      await sleep(50);
    }
    return side;
  }

  async measure(rate: number, seconds: number): Promise<void> {
    const times = await latencies(this.#bus, IMAGES, MODEL, { rate, seconds });
    this.times.push(...times);
    this.p99.push(quantile(times, 0.99));
  }

  forget(): void {
    this.times.length = this.p99.length = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function median(numbers: readonly number[]): number {
  return quantile(numbers.toSorted((a, b) => a - b), 0.5);
}

function rowOf(name: string, { times, p99 }: Side): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  return [name, ...[quantile(sorted, 0.5), quantile(sorted, 0.99), median(p99)].map((ms) => ms.toFixed(1))];
}

await runTask({
  name: "bench:shadow",
  summary: "Measure classify with and without a shadow of the model, in turn",
  options: {
    rate: { ...count(10_000), default: 50, text: "images per second" },
    rounds: { ...count(1_000), default: 9, text: "how often each side is measured" },
    seconds: { ...count(3_600), default: 5, text: "how long each time, in seconds" },
  },
  examples: [["deno task bench:shadow --rate 200", "more images"]],
  async run({ values: { rate, rounds, seconds } }) {
    await using plain = await Side.start();
    await using shadowed = await Side.start(SHADOW);
    for (const side of [plain, shadowed]) await side.measure(rate, 2);
    for (const side of [plain, shadowed]) side.forget();
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? [plain, shadowed] : [shadowed, plain]) {
        await side.measure(rate, seconds);
      }
    }
    logError(`${rate} per second, from the schedule until the result, ms`);
    const ratios = shadowed.p99.map((ms, i) => ms / plain.p99[i]!);
    print(columns([
      ["", "p50", "p99", "p99, median of rounds"],
      rowOf("without", plain),
      rowOf("with a shadow", shadowed),
    ]));
    print(`p99 with a shadow: ${median(ratios).toFixed(2)} of that without (median of ${rounds} rounds)`);
    return 0;
  },
});
