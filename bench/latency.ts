/**
 * `deno task bench:latency`: how long `classify` takes under load that does not wait for results. The worker runs in a
 * process of its own.
 *
 * @module
 */
import { connect } from "../bus/connect.ts";
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { count } from "../lib/options.ts";
import { sleep } from "../lib/sleep.ts";
import { startKafka } from "../testing/brokers/kafka_broker.ts";
import { WorkerProcess } from "../testing/harness/worker_process.ts";
import { imagesOf } from "../testing/images.ts";
import { latencies, quantile } from "./open_loop.ts";

const MODEL = "mnist";
const RATES = [50, 200, 1_000];
/** Before anything counts: a broker of its own is new, and Java compiles what is called often. */
const WARM_UP = { rate: 1_000, seconds: 20 };
const QUANTILES = [0.5, 0.99, 0.999];
const IMAGES = imagesOf(MODEL).map(({ png }) => png);

async function measure(url: string, directory: string, seconds: number): Promise<string[][]> {
  await using bus = await connect(url);
  await using worker = await WorkerProcess.start({
    bus: url,
    directory,
    args: ["--quiet", "--models", MODEL],
  });
  await latencies(bus, IMAGES, MODEL, WARM_UP);
  const rows: string[][] = [];
  for (const rate of RATES) {
    const times = await latencies(bus, IMAGES, MODEL, { rate, seconds });
    rows.push([`${rate} per second`, ...QUANTILES.map((share) => quantile(times, share).toFixed(1))]);
  }
  await sleep(1_000);
  const before = await worker.cpu();
  await sleep(seconds * 1_000);
  const idle = (await worker.cpu() - before) / seconds * 100;
  return [...rows, ["idle CPU, % of a core", idle.toFixed(2)]];
}

await runTask({
  name: "bench:latency",
  summary: "Measure classify at 50, 200 and 1,000 images per second, and idle CPU",
  operands: { form: "sqlite|kafka", min: 0, max: 1 },
  options: { seconds: { ...count(3_600), default: 10, text: "how long each rate is measured, in seconds" } },
  examples: [["deno task bench:latency kafka", "through a Kafka of its own"]],
  async run({ operands: [kind = "sqlite"], values: { seconds } }) {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
    await using kafka = kind === "kafka" ? await startKafka() : null;
    const url = kafka ? `kafka://${kafka.brokers}` : `sqlite:${directory}/bus.db`;
    logError(`${kind}: from the schedule until the result, ms`);
    print(columns([["", "p50", "p99", "p99.9"], ...await measure(url, directory, seconds)]));
    return 0;
  },
});
