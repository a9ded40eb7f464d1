/**
 * `deno task soak`: sends many images through one worker process and watches its memory. Exits with 0 if
 * memory has not grown by more than is allowed after the first sixth of the images, else with 1.
 * docs/guarantees.md explains what that shows.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Arguments, UsageError } from "../../cli/command.ts";
import { interruption, runTask } from "../../cli/task.ts";
import { Progress } from "../../cli/ui/progress.ts";
import { columns, logError, print } from "../../cli/ui/terminal.ts";
import { count, type OptionTable } from "../../lib/options.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { SHIPPED_MODELS } from "../../models/registry.ts";
import type { Sample } from "./growth.ts";
import { drawMemory } from "./plot.ts";
import { formatReport, summary } from "./report.ts";
import { runSoak, type SoakReport } from "./run.ts";

const OPTIONS = {
  bus: {
    type: "choice",
    values: ["sqlite", "kafka"],
    default: "sqlite",
    text: "the embedded bus, or a broker that is started for the run",
  },
  messages: {
    ...count(100_000_000),
    default: 300_000,
    text: "number of images; with fewer than 150000 memory has not settled",
  },
  models: {
    type: "texts",
    commas: true,
    otherwise: "all shipped models",
    value: "A,B",
    text: "models that images are sent to, in turn",
  },
  maxGrowthMb: {
    ...count(1_000_000, 0),
    default: 30,
    text: "maximum growth of memory after the first sixth of the images, in MiB",
  },
  maxWorkerMemoryMb: {
    ...count(4_096, 16),
    default: 1_024,
    text: "memory limit of a Worker in MiB, beyond which it is replaced between batches",
  },
  leak: {
    type: "flag",
    default: false,
    text: "negative control: the models leak 256 MiB; unless Workers are replaced, the run has to fail",
  },
  plot: { type: "text", value: "FILE", text: "draw memory over the number of images, as SVG" },
  json: { type: "flag", default: false, text: "print the report, with all samples, as one JSON object" },
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

async function run({ values }: Args): Promise<number> {
  const { json, plot, models = SHIPPED_MODELS, ...settings } = values;
  const unknown = models.find((name) => !SHIPPED_MODELS.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--models has "${unknown}": expected ${SHIPPED_MODELS.join(", ")}`);
  }
  if (plot !== undefined) await checkDirectory(plot);
  await using directory = await temporaryDirectory("soak");
  const onProgress = progress(settings.messages);
  const options = { ...settings, models: [...new Set(models)], directory: directory.path, onProgress };
  const report = await runSoak({ ...options, signal: interruption() });
  if (Deno.stderr.isTerminal()) logError("");
  print(json ? JSON.stringify(report) : formatReport(report, columns));
  if (plot !== undefined) await writePlot(plot, report);
  return report.passed ? 0 : 1;
}

/** Before the run, which takes minutes. */
async function checkDirectory(plot: string): Promise<void> {
  const directory = dirname(plot);
  const info = await Deno.stat(directory).catch(() => null);
  if (!info?.isDirectory) throw new UsageError(`--plot is "${plot}": there is no directory ${directory}`);
}

const TENTH = 10;

/** A bar on a terminal; elsewhere a line per tenth. */
function progress(messages: number): (sample: Sample) => void {
  const bar = new Progress("images", messages);
  let tenths = 0;
  return ({ images, rssBytes }) => {
    bar.show(images);
    const reached = Math.floor(TENTH * images / messages);
    if (Deno.stderr.isTerminal() || reached === tenths) return;
    tenths = reached;
    logError(`${images} of ${messages}: ${(rssBytes / 2 ** 20).toFixed(1)} MiB`);
  };
}

async function writePlot(file: string, report: SoakReport): Promise<void> {
  const temporary = `${file}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await Deno.writeTextFile(temporary, drawMemory(report.samples, summary(report)));
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

await runTask({
  name: "soak",
  summary: "Send many images through one worker process and watch its memory",
  options: OPTIONS,
  examples: [
    ["deno task soak --plot memory.svg", "all shipped models on the embedded bus"],
    ["deno task soak --leak", "the negative control: has to fail"],
  ],
  run,
});
