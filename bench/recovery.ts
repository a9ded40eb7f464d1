/**
 * `deno task bench:recovery`: how long recovery takes after a Worker or a process was killed, and how much a
 * model that is down slows the others. Limits are those of the design; other load of the machine counts
 * against them.
 *
 * @module
 */
import { runTask } from "../cli/task.ts";
import { columns, logError, print } from "../cli/ui/terminal.ts";
import { count, flag } from "../lib/options.ts";
import { temporaryDirectory } from "../lib/temporary_directory.ts";
import { startKafkaIfInstalled } from "../testing/brokers/kafka_broker.ts";
import { median } from "../lib/median.ts";
import { type ModelDown, takeModelDown } from "./recovery/model_down.ts";
import { killProcesses, type Takeovers } from "./recovery/takeover.ts";
import { killWorkers, type WorkerKills } from "./recovery/worker_kill.ts";

const MODELS = ["fashion-mnist", "mnist", "cifar-10"];

/** Median time within which a Worker is replaced and its batch finished, in milliseconds. */
const FINISHED_MS = 1_000;

/** Minimum throughput of the other models while one is down, relative to before. */
const MIN_RATIO = 0.9;

/** All measurements. */
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

async function measure({ kills, takeovers, downSeconds }: Plan): Promise<Figures> {
  const workerKills: WorkerKills[] = [];
  for (const model of kills > 0 ? MODELS : []) {
    logError(`terminating the Worker of ${model} ${kills} times`);
    workerKills.push(await inDirectory((directory) => killWorkers(model, kills, directory)));
  }
  const figures = { workerKills, takeovers: takeovers > 0 ? await measureTakeovers(takeovers) : [] };
  if (downSeconds === 0) return { ...figures, modelDown: null };
  logError(`a model is down for ${downSeconds} s`);
  return { ...figures, modelDown: await inDirectory((directory) => takeModelDown(downSeconds, directory)) };
}

async function measureTakeovers(kills: number): Promise<Takeovers[]> {
  logError(`killing a worker process ${kills} times on each bus`);
  const embedded = await inDirectory((dir) => killProcesses(`sqlite:${dir}/bus.db`, kills, dir));
  await using kafka = await startKafkaIfInstalled((reason) => logError(`Skipping Kafka. ${reason}`));
  if (kafka === null) return [embedded];
  return [embedded, await inDirectory((dir) => killProcesses(`kafka://${kafka.brokers}`, kills, dir))];
}

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  await using directory = await temporaryDirectory("bench");
  return await run(directory.path);
}

const whether = (kept: boolean) => kept ? "yes" : "no";

function times(what: string, values: readonly number[], limitMs: number | null): string[] {
  const [middle, max] = [median(values), Math.max(...values)];
  const limit = limitMs === null ? ["", ""] : [String(limitMs), whether(middle <= limitMs)];
  return [what, String(values.length), middle.toFixed(0), max.toFixed(0), ...limit];
}

function report({ workerKills, takeovers, modelDown }: Figures): void {
  const rows = [
    ...workerKills.flatMap(({ model, replacedMs, finishedMs }) => [
      times(`${model}: next Worker is ready`, replacedMs, null),
      times(`${model}: batch is finished`, finishedMs, FINISHED_MS),
    ]),
    ...takeovers.map(({ bus, sessionTimeoutMs, takenOverMs }) =>
      times(`${bus}: partitions have a new owner`, takenOverMs, sessionTimeoutMs)
    ),
  ];
  const tables = [
    ...rows.length > 0
      ? [
        columns([
          ["after a Worker or process ended", "times", "median ms", "max ms", "limit ms", "kept"],
          ...rows,
        ]),
      ]
      : [],
    ...modelDown === null ? [] : [downTable(modelDown)],
  ];
  print(tables.join("\n\n"));
}

function downTable({ down, state, others }: ModelDown): string {
  const header = [`images per second while ${down} is ${state}`, "before", "during", "ratio", "min", "kept"];
  const rows = others.map(({ model, before, during }) => {
    const ratio = during / before;
    const kept = whether(ratio >= MIN_RATIO);
    return [model, before.toFixed(0), during.toFixed(0), ratio.toFixed(2), String(MIN_RATIO), kept];
  });
  return columns([header, ...rows]);
}

await runTask({
  name: "bench:recovery",
  summary: "Measure the recovery of Workers and worker processes, and the cost of a model that is down",
  options: {
    kills: {
      ...count(9_999, 0),
      default: 20,
      text: "how often the Worker of each model is terminated; 0: not measured",
    },
    takeovers: {
      ...count(9_999, 0),
      default: 5,
      text: "how often a worker process is killed, per bus; 0: not measured",
    },
    downSeconds: { ...count(9_999, 0), default: 60, text: "how long a model is down; 0: not measured" },
    json: flag("print the figures as one JSON object"),
  },
  examples: [["deno task bench:recovery --kills 5 --takeovers 0 --down-seconds 0", "Workers only"]],
  async run({ values }) {
    const figures = await measure(values);
    if (values.json) print(JSON.stringify(figures));
    else report(figures);
    return 0;
  },
});
