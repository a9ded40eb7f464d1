/**
 * `deno task bench:models`: throughput of one worker process that serves 1, 2, 4 and 8 models, with the same number of images
 * in all. They are waiting on an embedded bus when it starts.
 *
 * @module
 */
import { openTransport } from "../bus/connect.ts";
import type { Transport } from "../bus/transport/transport.ts";
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { count } from "../lib/options.ts";
import { writeModelFolder } from "../models/model_folder.ts";
import { workerCommand } from "../testing/harness/worker_process.ts";
import { run } from "./compare/run.ts";
import { fill, legacyModel, mnistImages } from "./compare/subject.ts";
import type { System } from "./compare/system.ts";

const COUNTS = [1, 2, 4, 8];
/** A run that takes longer is ended. */
const SECONDS = 60;

/** A worker process that serves some models. */
async function systemOf(names: readonly string[], url: string, directory: string): Promise<System> {
  const options = [
    "--models",
    names.join(","),
    "--models-dirs",
    directory,
    "--bus",
    url,
    "--sink",
    "console",
  ];
  const words = [Deno.execPath(), ...await workerCommand(), ...options, "--quiet"];
  return {
    name: `${names.length} models`,
    bus: "embedded",
    isImagebus: true,
    commands: (group) =>
      Promise.resolve([{ words: [...words, "--group", group], env: { IMAGEBUS_STATE_DIR: directory } }]),
  };
}

/** A number of models on a bus of their own: on a common one, images of the others would be answered as unknown models. */
interface Setting extends AsyncDisposable {
  readonly system: System;
  readonly transport: Transport;
}

async function settingOf(models: number, images: readonly Uint8Array[], count: number): Promise<Setting> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
  const url = `sqlite:${directory}/bus.db`;
  const transport = await openTransport(url);
  const names = Array.from({ length: models }, (_, i) => `legacy-${i + 1}`);
  for (const name of names) {
    await writeModelFolder(directory, { ...await legacyModel(name), card: "For the benchmark.\n" });
    await fill(transport, name, images, Math.floor(count / models));
  }
  return {
    system: await systemOf(names, url, directory),
    transport,
    async [Symbol.asyncDispose]() {
      await transport.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

await runTask({
  name: "bench:models",
  summary: "Measure the throughput of one worker process with 1, 2, 4 and 8 models",
  options: {
    images: { ...count(10_000_000, 100), default: 50_000, text: "number of images of all models together" },
    rounds: { ...count(1_000), default: 3, text: "how often each number of models is measured" },
  },
  examples: [["deno task bench:models --rounds 1 --images 10000", "a short run"]],
  async run({ values: { images, rounds } }) {
    const pngs = await mnistImages();
    await using opened = new AsyncDisposableStack();
    const settings: Setting[] = [];
    for (const models of COUNTS) settings.push(opened.use(await settingOf(models, pngs, images)));
    const speeds = settings.map((): number[] => []);
    for (let round = 1; round <= rounds; round++) {
      for (const [i, { system, transport }] of settings.entries()) {
        const limits = { images: images - COUNTS.at(-1)!, seconds: SECONDS };
        const { imagesPerSecond } = await run(system, transport, limits);
        speeds[i]!.push(imagesPerSecond);
        logError(`round ${round}, ${system.name}: ${Math.round(imagesPerSecond)} images/s`);
      }
    }
    const rows = settings.map(({ system: { name } }, i) => [name, median(speeds[i]!).toFixed(0)]);
    print(columns([["", "images/s"], ...rows]));
    return 0;
  },
});
