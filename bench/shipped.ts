/**
 * `deno task bench:shipped`: how many images per second each shipped model classifies behind the embedded bus, results into
 * SQLite included, beside a Worker of it without a bus.
 *
 * @module
 */
import { startWorker } from "../actors/workers/worker_handle.ts";
import { openTransport } from "../bus/connect.ts";
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { count } from "../lib/options.ts";
import { temporaryDirectory } from "../lib/temporary_directory.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { workerCommand } from "../testing/harness/worker_process.ts";
import { imagesOf } from "../testing/images.ts";
import { run, speedOf } from "./compare/run.ts";
import { fill } from "./compare/subject.ts";
import type { System } from "./compare/system.ts";

const BATCH = 64;
/** Of work for one model, by the speed of the Worker alone. */
const SECONDS = 6;
/** A run that takes longer is ended. */
const MAX_SECONDS = 60;

/** Images per second of one Worker that always has the next batch. */
async function workerAlone(model: string): Promise<number> {
  const [files] = await loadModels({ names: [model] });
  const worker = await startWorker(files!, {
    ...{ wasm: await loadWasmBinary(), limits: {}, isolated: true },
    ...{ deadlineMs: 30_000, maxMemoryBytes: 2 ** 30 },
  });
  const images = imagesOf(model).map(({ png }) => png);
  const batch = Array.from({ length: BATCH }, (_, i) => images[i % images.length]!);
  await worker.run(batch);
  const begun = performance.now();
  const times: number[] = [];
  const keepBusy = async () => {
    while (performance.now() - begun < SECONDS * 1_000) {
      await worker.run(batch);
      times.push(...new Array<number>(BATCH).fill(performance.now()));
    }
  };
  await Promise.all([keepBusy(), keepBusy()]);
  worker.terminate();
  return speedOf(times);
}

/** Images per second of a worker process with one Worker, which finds the images on the bus. */
async function behindBus(model: string, images: number): Promise<number> {
  await using directory = await temporaryDirectory("bench");
  const url = `sqlite:${directory.path}/bus.db`;
  await using transport = await openTransport(url);
  await fill(transport, model, imagesOf(model).map(({ png }) => png), images);
  const options = ["--models", model, "--workers-per-model", "1", "--bus", url, "--quiet"];
  const words = [Deno.execPath(), ...await workerCommand(), ...options];
  const system: System = {
    name: model,
    bus: "embedded",
    isImagebus: true,
    commands: (group) =>
      Promise.resolve([{
        words: [...words, "--group", group, "--sink", `sqlite:${directory.path}/${group}.db`],
        env: { IMAGEBUS_STATE_DIR: directory.path },
      }]),
  };
  return (await run(system, transport, { images, seconds: MAX_SECONDS })).imagesPerSecond;
}

await runTask({
  name: "bench:shipped",
  summary: "Compare the throughput of each shipped model behind a bus with that of its Worker alone",
  options: { rounds: { ...count(1_000), default: 3, text: "how often each model is measured" } },
  examples: [["deno task bench:shipped --rounds 1", "a short run"]],
  async run({ values: { rounds } }) {
    const rows: string[][] = [];
    for (const model of SHIPPED_MODELS) {
      const figures: { alone: number; behind: number }[] = [];
      for (let round = 1; round <= rounds; round++) {
        const alone = await workerAlone(model);
        const behind = await behindBus(model, Math.ceil(alone * SECONDS));
        figures.push({ alone, behind });
        logError(`round ${round}, ${model}: ${alone.toFixed(0)} and ${behind.toFixed(0)} images/s`);
      }
      const of = (figure: (round: typeof figures[number]) => number) => median(figures.map(figure));
      rows.push([
        model,
        ...[of(({ alone }) => alone), of(({ behind }) => behind)].map((speed) => speed.toFixed(0)),
        of(({ alone, behind }) => behind / alone).toFixed(2),
      ]);
    }
    print(columns([["images/s", "Worker alone", "behind the bus", "ratio"], ...rows]));
    return 0;
  },
});
