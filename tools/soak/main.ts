/**
 * `deno task soak`: many images through one worker process, whose memory is watched. Exits with 0 when it has not grown after
 * the first sixth of them by more than is allowed, else with 1. docs/guarantees.md says what that shows.
 *
 * @module
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../../cli/command.ts";
import { Progress } from "../../cli/ui/progress.ts";
import { columns, logError, print } from "../../cli/ui/terminal.ts";
import { SHIPPED_MODELS } from "../../models/registry.ts";
import { integer, oneOf } from "../../cli/arguments.ts";
import { KafkaUnavailable } from "../../testing/brokers/kafka_install.ts";
import type { Sample } from "./growth.ts";
import { drawMemory } from "./plot.ts";
import { formatReport, summary } from "./report.ts";
import { runSoak, type SoakOptions, type SoakReport } from "./run.ts";

const HELP = `Usage: deno task soak [options]

  --bus sqlite|kafka        the embedded bus, or a broker of its own; default sqlite
  --messages N              how many images; default 300000; with less than 150000 memory has not settled
  --models A,B              which models are asked, in turn; default: all that are shipped
  --max-growth-mb N         the most that memory may grow after the first sixth; default 30
  --max-worker-memory-mb N  a Worker that grows past it is replaced between batches; default 1024
  --leak                    the control: the models keep 256 MB in all; without replacement the run has to fail
  --plot FILE               draw memory over the images, as SVG
  --json                    the report as one JSON object, with all samples`;

type Settings = Omit<SoakOptions, "directory" | "onProgress" | "signal">;

interface Arguments {
  readonly settings: Settings;
  readonly help: boolean;
  readonly json: boolean;
  readonly plot: string | undefined;
}

/** @throws {UsageError} For what is not known or out of range. */
function readArguments(args: string[]): Arguments {
  const { values } = parse(args);
  const models = values.models?.split(",").map((name) => oneOf("models", name.trim(), SHIPPED_MODELS));
  const settings = {
    bus: oneOf("bus", values.bus, ["sqlite", "kafka"] as const),
    messages: integer("messages", values.messages, 1, 100_000_000),
    models: [...new Set(models ?? SHIPPED_MODELS)],
    leak: values.leak,
    maxGrowthMb: integer("max-growth-mb", values["max-growth-mb"], 0, 1_000_000),
    maxWorkerMemoryMb: integer("max-worker-memory-mb", values["max-worker-memory-mb"], 16, 4_096),
  };
  return { settings, help: values.help, json: values.json, plot: values.plot };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        bus: { type: "string", default: "sqlite" },
        messages: { type: "string", default: "300000" },
        models: { type: "string" },
        "max-growth-mb": { type: "string", default: "30" },
        "max-worker-memory-mb": { type: "string", default: "1024" },
        leak: { type: "boolean", default: false },
        plot: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. See deno task soak --help`);
  }
}

const TENTH = 10;

/** A bar on a terminal; elsewhere a line for each tenth. */
function progress(messages: number): (sample: Sample) => void {
  const bar = new Progress("images", messages);
  let tenths = 0;
  return ({ images, rssBytes }) => {
    bar.show(images);
    const reached = Math.floor(TENTH * images / messages);
    if (Deno.stderr.isTerminal() || reached === tenths) return;
    tenths = reached;
    logError(`${images} of ${messages}: ${(rssBytes / 2 ** 20).toFixed(1)} MB`);
  };
}

async function run({ settings, json, plot }: Arguments): Promise<number> {
  if (plot !== undefined) await refuseUnwritable(plot);
  const directory = await Deno.makeTempDir({ prefix: "imagebus-soak-" });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new UsageError("Interrupted")));
  }
  try {
    const onProgress = progress(settings.messages);
    const report = await runSoak({ ...settings, directory, onProgress, signal: stop.signal });
    if (Deno.stderr.isTerminal()) logError("");
    print(json ? JSON.stringify(report) : formatReport(report, columns));
    if (plot !== undefined) await write(plot, report);
    return report.passed ? 0 : 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A place that is not there is told before the run, not after it. */
async function refuseUnwritable(plot: string): Promise<void> {
  const directory = dirname(plot);
  const info = await Deno.stat(directory).catch(() => null);
  if (!info?.isDirectory) throw new UsageError(`--plot is ${plot}: there is no directory ${directory}`);
}

async function write(file: string, report: SoakReport): Promise<void> {
  const temporary = `${file}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await Deno.writeTextFile(temporary, drawMemory(report.samples, summary(report)));
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function main(): Promise<number> {
  try {
    const args = readArguments(Deno.args);
    if (!args.help) return await run(args);
    print(HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof KafkaUnavailable)) throw error;
    logError(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

Deno.exit(await main());
