/**
 * `deno task bench:recovery`: how long it takes until work goes on after something was ended, and what a model that is down
 * costs the others. Bounds are those of the design; what else the machine does counts against them.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "../cli/command.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { integer } from "../cli/arguments.ts";
import { type KafkaBroker, startKafka } from "../testing/brokers/kafka_broker.ts";
import { KafkaUnavailable } from "../testing/brokers/kafka_install.ts";
import { type ModelDown, takeModelDown } from "./recovery/model_down.ts";
import { killProcesses, type Takeovers } from "./recovery/takeover.ts";
import { killWorkers, type WorkerKills } from "./recovery/worker_kill.ts";

const MODELS = ["fashion-mnist", "mnist", "cifar-10"];

/** A model's Worker is replaced and its batch finished within that, in milliseconds (median). */
const FINISHED_MS = 1_000;

/** Of before, what the other models do at least while one is down. */
const LEAST_RATIO = 0.9;

/** All that was measured. */
interface Figures {
  readonly workerKills: readonly WorkerKills[];
  readonly takeovers: readonly Takeovers[];
  readonly modelDown: ModelDown | null;
}

interface Plan {
  readonly kills: number;
  readonly takeovers: number;
  readonly downSeconds: number;
}

const HELP = `Usage: deno task bench:recovery [options]; 0 leaves a measurement out

  --kills N         how often the Worker of each model is ended; default 20
  --takeovers N     how often a worker process is killed, on each bus; default 5
  --down-seconds N  how long a model is down while the others work; default 60
  --json            the figures as one JSON object`;

/** @throws {UsageError} For what is not known or out of range. */
function readPlan(): Plan & { json: boolean; help: boolean } {
  const { values } = parse();
  const number = (name: "kills" | "takeovers" | "down-seconds") => integer(name, values[name], 0, 9_999);
  const plan = {
    kills: number("kills"),
    takeovers: number("takeovers"),
    downSeconds: number("down-seconds"),
  };
  return { ...plan, json: values.json, help: values.help };
}

function parse() {
  try {
    return parseArgs({
      options: {
        kills: { type: "string", default: "20" },
        takeovers: { type: "string", default: "5" },
        "down-seconds": { type: "string", default: "60" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. See deno task bench:recovery --help`);
  }
}

async function measure({ kills, takeovers, downSeconds }: Plan): Promise<Figures> {
  const workerKills: WorkerKills[] = [];
  for (const model of kills > 0 ? MODELS : []) {
    logError(`the Worker of ${model} is ended ${kills} times`);
    workerKills.push(await inDirectory((directory) => killWorkers(model, kills, directory)));
  }
  const figures = { workerKills, takeovers: takeovers > 0 ? await measureTakeovers(takeovers) : [] };
  if (downSeconds === 0) return { ...figures, modelDown: null };
  logError(`a model is down for ${downSeconds} s`);
  return { ...figures, modelDown: await inDirectory((directory) => takeModelDown(downSeconds, directory)) };
}

async function measureTakeovers(kills: number): Promise<Takeovers[]> {
  logError(`a worker process is killed ${kills} times on each bus`);
  const embedded = await inDirectory((dir) => killProcesses(`sqlite:${dir}/bus.db`, kills, dir));
  await using kafka = await startIfPossible();
  if (kafka === null) return [embedded];
  return [embedded, await inDirectory((dir) => killProcesses(`kafka://${kafka.brokers}`, kills, dir))];
}

async function startIfPossible(): Promise<KafkaBroker | null> {
  try {
    return await startKafka();
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error;
    logError(`Kafka is left out: ${error.message}`);
    return null;
  }
}

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-bench-" });
  try {
    return await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const whether = (kept: boolean) => kept ? "yes" : "no";

function times(what: string, values: readonly number[], boundMs: number | null): string[] {
  const [middle, most] = [median(values), Math.max(...values)];
  const bound = boundMs === null ? ["", ""] : [String(boundMs), whether(middle <= boundMs)];
  return [what, String(values.length), middle.toFixed(0), most.toFixed(0), ...bound];
}

function report({ workerKills, takeovers, modelDown }: Figures): void {
  const rows = [
    ...workerKills.flatMap(({ model, replacedMs, finishedMs }) => [
      times(`Worker of ${model} ended: the next is ready`, replacedMs, null),
      times(`Worker of ${model} ended: its batch is finished`, finishedMs, FINISHED_MS),
    ]),
    ...takeovers.map(({ bus, sessionTimeoutMs, takenOverMs }) =>
      times(`worker process killed, ${bus}: all partitions go on`, takenOverMs, sessionTimeoutMs)
    ),
  ];
  const tables = [
    ...rows.length > 0 ? [columns([["", "times", "median ms", "most ms", "bound ms", "kept"], ...rows])] : [],
    ...modelDown === null ? [] : [downTable(modelDown)],
  ];
  print(tables.join("\n\n"));
}

function downTable({ down, state, others }: ModelDown): string {
  const header = [`images a second while ${down} is ${state}`, "before", "during", "ratio", "least", "kept"];
  const rows = others.map(({ model, before, during }) => {
    const ratio = during / before;
    const kept = whether(ratio >= LEAST_RATIO);
    return [model, before.toFixed(0), during.toFixed(0), ratio.toFixed(2), String(LEAST_RATIO), kept];
  });
  return columns([header, ...rows]);
}

async function main(): Promise<number> {
  try {
    const { json, help, ...plan } = readPlan();
    if (help) {
      print(HELP);
      return 0;
    }
    const figures = await measure(plan);
    if (json) print(JSON.stringify(figures));
    else report(figures);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    logError(error.message);
    return 2;
  }
}

Deno.exit(await main());
