/**
 * `deno task chaos`: images are sent while worker processes are killed, models fail and brokers are
 * unavailable; then everything is read back. Exits with 0 if nothing was lost, duplicated, out of order or
 * wrong, else with 1. docs/guarantees.md explains what that shows.
 *
 * @module
 */
import { type Arguments, UsageError } from "../../cli/command.ts";
import { interruption, runTask } from "../../cli/task.ts";
import { columns, logError, print, showProgress } from "../../cli/ui/terminal.ts";
import { defined } from "../../lib/defined.ts";
import { count, type OptionTable, time } from "../../lib/options.ts";
import { formatReport } from "./report.ts";
import { type ChaosOptions, type Progress, runChaos } from "./run.ts";
import { type FaultKind, FAULTS, planFaults, possibleFaults } from "./schedule.ts";

/** What a fault requires, for the help. */
const REQUIREMENTS = {
  sqlite: "embedded bus only",
  kafka: "--bus kafka",
  replicas: "--brokers 3",
  postgres: "--postgres",
} as const;

/** Images per fault, unless the number of faults is given. */
const MESSAGES_PER_FAULT = 3_000;

const OPTIONS = {
  bus: {
    type: "choice",
    values: ["sqlite", "kafka"],
    default: "sqlite",
    text: "the embedded bus, or a Kafka that is started for the run",
  },
  brokers: {
    type: "choice",
    values: ["1", "3"],
    default: "1",
    text: "brokers of Kafka; three hold a replica of everything each",
  },
  postgres: {
    type: "flag",
    default: false,
    text: "also store results in a PostgreSQL that is started for the run, besides the SQLite file",
  },
  messages: { ...count(10_000_000), default: 10_000, text: "number of images" },
  seed: { ...count(2 ** 31 - 1, 0), default: 1, text: "random seed of the schedule and the images" },
  faults: {
    type: "texts",
    commas: true,
    otherwise: "all that are possible",
    value: "A,B",
    text: "kinds of faults",
  },
  faultCount: {
    ...count(10_000, 0),
    otherwise: "one per 3000 images, and each kind at least once",
    text: "number of faults",
  },
  workers: { ...count(32), default: 3, text: "worker processes" },
  workersPerModel: { ...count(64), default: 1, text: "threads of the model in each process" },
  rate: { ...count(1_000_000), default: 500, text: "maximum number of images per second" },
  badPercent: { ...count(100, 0), default: 2, text: "percentage of bad images" },
  maxWorkerMemoryMb: {
    ...count(4_096, 64),
    default: 128,
    text: "memory limit of a Worker in MiB, beyond which it has to be replaced",
  },
  sessionMs: {
    ...time(1_000, 60_000),
    default: 3_000,
    text: "time without a heartbeat after which a worker process loses its partitions",
  },
  schedule: { type: "flag", default: false, text: "print the planned faults and exit" },
  exactlyOnce: {
    type: "flag",
    default: false,
    text: "workers deliver exactly once: the topics must not hold anything twice",
  },
  commitBeforeSink: {
    type: "flag",
    default: false,
    text: "negative control: workers commit results that they have not stored; the run has to fail",
  },
  keep: {
    type: "flag",
    default: false,
    text: "keep the directory with bus, results and logs even if the run succeeds",
  },
  json: { type: "flag", default: false, text: "print the report as one JSON object" },
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;
type Settings = Omit<ChaosOptions, "directory" | "onProgress" | "signal">;

async function run(args: Args): Promise<number> {
  const settings = settingsOf(args);
  const { schedule, json, keep } = args.values;
  if (schedule) {
    showSchedule(settings, json);
    return 0;
  }
  const directory = await Deno.makeTempDir({ prefix: "imagebus-chaos-" });
  let kept = false;
  try {
    const report = await runChaos({ ...settings, directory, onProgress: progress(), signal: interruption() });
    showProgress("");
    print(json ? JSON.stringify(report) : formatReport(report, columns));
    kept = report.kept;
  } finally {
    if (kept && !keep) await Deno.remove(directory, { recursive: true });
    else logError(`Bus, results and logs are in ${directory}`);
  }
  return kept ? 0 : 1;
}

/** @throws {UsageError} For options that do not fit together. */
function settingsOf({ values }: Args): Settings {
  const { bus, postgres, messages, seed, rate, workers, workersPerModel } = values;
  const { maxWorkerMemoryMb, exactlyOnce, commitBeforeSink } = values;
  const brokers = Number(values.brokers);
  if (brokers > 1 && bus !== "kafka") throw new UsageError("--brokers 3 needs --bus kafka");
  const kinds = kindsOf(possibleFaults(bus, postgres, brokers), values.faults);
  const faults = values.faultCount ?? Math.max(kinds.length, Math.ceil(messages / MESSAGES_PER_FAULT));
  return {
    ...{ bus, brokers, postgres, messages, kinds, faults, seed, workers, workersPerModel, rate },
    ...{ maxWorkerMemoryMb, commitBeforeSink, exactlyOnce },
    badShare: values.badPercent / 100,
    sessionTimeoutMs: values.sessionMs,
    ...defined({ data: Deno.env.get("IMAGEBUS_DATA") || undefined }),
  };
}

function kindsOf(possible: readonly FaultKind[], names: readonly string[] = possible): FaultKind[] {
  return [...new Set(names)].map((name) => {
    const found = possible.find((kind) => kind === name);
    if (found !== undefined) return found;
    throw new UsageError(`--faults has "${name}": expected ${possible.join(", ")}`);
  });
}

function showSchedule({ seed, messages, kinds, faults }: Settings, json: boolean): void {
  const planned = planFaults({ seed, messages, kinds, count: faults });
  if (json) return planned.forEach((fault) => print(JSON.stringify(fault)));
  print(columns([
    ["after", "fault", "target", "amount", "waits"],
    ...planned.map(({ at, kind, target, amount, waits }) => [
      String(at),
      kind,
      String(target),
      String(amount),
      waits ? "yes" : "no",
    ]),
  ]));
}

const BAR = 30;

/** A bar on a terminal; elsewhere a line at the beginning of each fault and one at its recovery. */
function progress(): (progress: Progress) => void {
  const terminal = Deno.stderr.isTerminal();
  let last = "";
  return ({ answered, messages, faults, fault }) => {
    if (fault) last = describe(fault);
    if (fault && !terminal) logError(`${answered} of ${messages}: ${last}`);
    const filled = Math.floor(BAR * answered / messages);
    const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
    showProgress(`${bar} ${answered} of ${messages}, fault ${faults}: ${last}`);
  };
}

function describe(fault: NonNullable<Progress["fault"]>): string {
  if (!("recoveredMs" in fault)) return fault.kind;
  const { kind, recoveredMs } = fault;
  return recoveredMs === null
    ? `${kind}: no recovery`
    : `${kind}: recovered after ${(recoveredMs / 1_000).toFixed(1)} s`;
}

await runTask({
  name: "chaos",
  summary: "Send images while things break, then read back everything and look for losses and duplicates",
  options: OPTIONS,
  terms: {
    title: "Faults",
    rows: Object.entries(FAULTS).map(([kind, { what, needs }]) => [
      kind,
      needs === null ? what : `${what} (${REQUIREMENTS[needs]})`,
    ]),
  },
  examples: [
    ["deno task chaos --messages 1500 --seed 2", "a short run on the embedded bus"],
    ["deno task chaos --bus kafka --brokers 3 --faults kill-leader", "one kind of fault on a cluster"],
    ["deno task chaos --commit-before-sink --faults kill-worker", "the negative control: has to fail"],
  ],
  run,
});
