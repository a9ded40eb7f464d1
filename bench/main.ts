/**
 * `deno task bench`: how fast imagebus is beside other programs that do the same: read images from Kafka, classify them by the
 * network of the legacy system, write the results to a topic. Everything runs on this machine, one system at a time, in
 * rounds. Compare figures of one run only: they depend on the machine's other load.
 *
 * @module
 */
import { openTransport } from "../bus/connect.ts";
import type { Transport } from "../bus/transport/transport.ts";
import { runTask } from "../cli/task.ts";
import { logError, print } from "../cli/ui/terminal.ts";
import { exportKeras } from "../convert/keras/export.ts";
import { count, flag } from "../lib/options.ts";
import { temporaryDirectory } from "../lib/temporary_directory.ts";
import { calibrate } from "../models/calibrate.ts";
import { writeModelFolder } from "../models/model_folder.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { startKafka } from "../testing/brokers/kafka_broker.ts";
import { findPostgres, startPostgres } from "../testing/brokers/postgres.ts";
import { LEGACY } from "../training/recipes/legacy.ts";
import { toOnnx } from "./compare/onnx.ts";
import { summarise, svg, type SystemRuns, table } from "./compare/report.ts";
import { type Run, run } from "./compare/run.ts";
import { fill, legacyModel, mnistImages } from "./compare/subject.ts";
import type { System } from "./compare/system.ts";
import { allSystems } from "./compare/systems.ts";

const BASELINE = "imagebus, 1 process";
/** Two classes can be equally likely but for the order of a sum. */
const MIN_SAME_LABELS = 0.999;
/** Weights that are not trained give classes that are nearly equally likely. */
const MIN_SAME_LABELS_ROUNDED = 0.97;
const CALIBRATED_ON = 1_000;

async function writeNetwork(directory: string, images: readonly Uint8Array[]): Promise<void> {
  const model = await legacyModel();
  const card = "For the benchmark.\n";
  await writeModelFolder(`${directory}/models`, { ...model, card });
  const calibration = {
    data: "the images of the benchmark",
    images: CALIBRATED_ON,
    ranges: await calibrate(model, await loadWasmBinary(), images.slice(0, CALIBRATED_ON)),
  };
  const manifest = { ...model.manifest, precision: "int8" as const, calibration };
  await writeModelFolder(`${directory}/models-int8`, { ...model, manifest, card });
  await Deno.writeFile(`${directory}/${LEGACY.name}.onnx`, toOnnx(model));
  await Deno.writeFile(`${directory}/${LEGACY.name}.h5`, await exportKeras(model));
}

interface Comparison {
  readonly images: number;
  readonly rounds: number;
  readonly seconds: number;
}

async function compare(
  systems: readonly System[],
  buses: Readonly<Record<System["bus"], Transport>>,
  { rounds, ...limits }: Comparison,
): Promise<SystemRuns[]> {
  const all = systems.map(({ name }) => ({ name, runs: [] as Run[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const [i, system] of systems.entries()) {
      const done = await run(system, buses[system.bus], limits);
      all[i]!.runs.push(done);
      logError(`round ${round}, ${system.name}: ${Math.round(done.imagesPerSecond)} images/s`);
    }
  }
  return all;
}

await runTask({
  name: "bench",
  summary: "Compare the throughput of imagebus with that of other programs, on a Kafka of its own",
  options: {
    images: { ...count(10_000_000, 100), default: 100_000, text: "number of images on the bus" },
    rounds: { ...count(1_000), default: 5, text: "how often each system runs" },
    seconds: { ...count(3_600), default: 20, text: "a slow system is stopped after this time, in seconds" },
    only: {
      type: "texts",
      value: "TEXT",
      commas: true,
      text: `only systems whose name contains one of these; always ${BASELINE}`,
    },
    svg: { type: "text", value: "FILE", text: "write a chart as SVG" },
    json: flag("print the figures as one JSON array"),
  },
  examples: [
    ["deno task bench --rounds 1 --images 20000 --only imagebus,confluent", "a short run, of some systems"],
    ["deno task bench --svg bench.svg", "everything, with a chart"],
  ],
  async run({ values: { json, only, svg: chart, ...comparison } }) {
    await using temporary = await temporaryDirectory("bench");
    const directory = temporary.path;
    const images = await mnistImages();
    await writeNetwork(directory, images);
    // Results are stored with the broker's time: the speed is read from it.
    await using kafka = await startKafka({ config: { "log.message.timestamp.type": "LogAppendTime" } });
    await using postgres = await findPostgres() === undefined ? null : await startPostgres();
    const places = {
      brokers: kafka.brokers,
      embedded: `sqlite:${directory}/bus.db`,
      postgres,
      directory,
    };
    const systems = (await allSystems(places)).filter(({ name }) =>
      name === BASELINE || !only || only.some((part) => name.includes(part))
    );
    await using onKafka = await openTransport(`kafka://${kafka.brokers}`);
    await using embedded = await openTransport(places.embedded);
    const buses = { kafka: onKafka, embedded };
    logError("sending the images");
    for (const bus of Object.values(buses)) await fill(bus, LEGACY.name, images, comparison.images);
    const figures = summarise(await compare(systems, buses, comparison), BASELINE);
    if (chart !== undefined) await Deno.writeTextFile(chart, svg(figures));
    print(json ? JSON.stringify(figures) : table(figures));
    const different = figures.filter(({ sameLabels }, i) =>
      sameLabels < (systems[i]!.isRounded ? MIN_SAME_LABELS_ROUNDED : MIN_SAME_LABELS)
    );
    for (const { name } of different) logError(`${name}: labels differ from those of ${BASELINE}`);
    return different.length === 0 ? 0 : 1;
  },
});
