/**
 * `deno task bench:service`: what a user would notice, on this machine, through the commands a user types. The worker
 * runs in its own process; this one sends images and receives results. Compare figures of one run only: they
 * depend on the machine's other load.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import { connect, openTransport } from "../bus/connect.ts";
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { count, flag } from "../lib/options.ts";
import { mapConcurrent } from "../lib/map_concurrent.ts";
import { sleep } from "../lib/sleep.ts";
import { startKafka } from "../testing/brokers/kafka_broker.ts";
import { WorkerProcess } from "../testing/harness/worker_process.ts";
import { imagesOf } from "../testing/images.ts";
import { decodeReport } from "./decode/report.ts";
import { latencies, quantile } from "./open_loop.ts";

const MODEL = "mnist";
const RATE = 50;

/** Measurements on one bus. */
interface Figures {
  readonly bus: string;
  readonly imagesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly startMs: number;
  readonly idleMegabytes: number;
  readonly loadedMegabytes: number;
  readonly idleCpuPercent: number;
}

const IMAGES = imagesOf(MODEL).map(({ png }) => png);

/** Images per second, from the first send to the last result. */
async function throughput(bus: Bus, count: number): Promise<number> {
  await using results = bus.results({ model: MODEL });
  await results.ready;
  const begun = performance.now();
  const images = Array.from({ length: count }, (_, i) => IMAGES[i % IMAGES.length]!);
  const sending = mapConcurrent(images, 512, (image) => bus.send(image, { model: MODEL }));
  let seen = 0;
  for await (const result of results) if (result.status === "classified" && ++seen === count) break;
  await sending;
  return count / (performance.now() - begun) * 1000;
}

/** From the start of the process to the first result of an image that was waiting. */
async function startTime(
  bus: Bus,
  url: string,
  directory: string,
  args: readonly string[],
): Promise<{ worker: WorkerProcess; ms: number }> {
  await using results = bus.results({ model: MODEL });
  await results.ready;
  const id = await bus.send(IMAGES[7]!, { model: MODEL });
  const begun = performance.now();
  const starting = WorkerProcess.start({ bus: url, directory, args: ["--quiet", ...args] });
  for await (const result of results) if (result.id === id) break;
  const ms = performance.now() - begun;
  return { worker: await starting, ms };
}

async function idleCpu(worker: WorkerProcess, seconds: number): Promise<number> {
  const before = await worker.cpu();
  await sleep(seconds * 1000);
  return (await worker.cpu() - before) / seconds * 100;
}

/** A column of the report: a bus, and further arguments of its worker. */
interface Setting {
  readonly name: string;
  readonly url: string;
  readonly args?: readonly string[];
}

async function measure(
  { name, url, args = [] }: Setting,
  images: number,
  seconds: number,
): Promise<Figures> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
  await using bus = await connect(url);
  logError(`${name}: start, idle`);
  const started = await startTime(bus, url, directory, args);
  await using worker = started.worker;
  await sleep(2_000);
  const idleMegabytes = await worker.memory() / 1e6;
  const idleCpuPercent = await idleCpu(worker, seconds);
  logError(`${name}: latency, throughput`);
  await bus.classify(IMAGES[0]!, { model: MODEL });
  const times = await latencies(bus, IMAGES, MODEL, { rate: RATE, seconds });
  await throughput(bus, Math.ceil(images / 10));
  const imagesPerSecond = await throughput(bus, images);
  const loadedMegabytes = await worker.memory() / 1e6;
  const figures = { idleMegabytes, loadedMegabytes, idleCpuPercent, imagesPerSecond };
  return {
    bus: name,
    startMs: started.ms,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    ...figures,
  };
}

/** Creates topics of ten partitions. */
async function addForeignTopics(url: string, partitions: number): Promise<void> {
  await using transport = await openTransport(url, { partitions: 10 });
  await transport.ensureTopics(Array.from({ length: Math.ceil(partitions / 10) }, (_, i) => `foreign-${i}`));
}

function report(all: readonly Figures[]): void {
  const row = (name: string, pick: (figures: Figures) => number, digits = 0) => [
    name,
    ...all.map((figures) => pick(figures).toFixed(digits)),
  ];
  print(columns([
    // With exactly-once delivery the bus is that of the column before.
    ["", ...all.map(({ bus }) => bus.replace(/^.*, /, ""))],
    row("images per second", (figures) => figures.imagesPerSecond),
    row(`classify at ${RATE} per second, p50, ms`, (figures) => figures.p50Ms, 1),
    row(`classify at ${RATE} per second, p99, ms`, (figures) => figures.p99Ms, 1),
    row("start until the first result, ms", (figures) => figures.startMs),
    row("memory of the idle worker, MB", (figures) => figures.idleMegabytes),
    row("memory after the load, MB", (figures) => figures.loadedMegabytes),
    row("idle CPU, % of a core", (figures) => figures.idleCpuPercent, 1),
  ]));
}

await runTask({
  name: "bench:service",
  summary: "Measure throughput, latency, start time, memory and idle CPU of a worker process on both buses",
  options: {
    images: {
      ...count(10_000_000, 10),
      default: 10_000,
      text: "number of images that the throughput is measured with",
    },
    seconds: {
      ...count(3_600),
      default: 10,
      text: "how long latency and idle CPU are measured, in seconds each",
    },
    foreignPartitions: {
      ...count(100_000, 0),
      default: 0,
      text: "partitions of other topics on the same Kafka, as on that of a company",
    },
    json: flag("print the figures as one JSON array"),
  },
  examples: [["deno task bench:service --images 1000 --seconds 3", "a short run"]],
  async run({ values: { images, seconds, foreignPartitions, json } }) {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
    await using kafka = await startKafka();
    await addForeignTopics(`kafka://${kafka.brokers}`, foreignPartitions);
    const buses = [["sqlite", `sqlite:${directory}/bus.db`], ["kafka", `kafka://${kafka.brokers}`]] as const;
    const settings = buses.flatMap(([name, url]): Setting[] => [
      { name, url },
      { name: `${name}, exactly once`, url, args: ["--delivery", "exactly-once"] },
    ]);
    const all: Figures[] = [];
    for (const setting of settings) all.push(await measure(setting, images, seconds));
    if (json) print(JSON.stringify(all));
    else {
      report(all);
      logError("decoding, canonical forms");
      print(`\n${await decodeReport([])}`);
    }
    return 0;
  },
});
