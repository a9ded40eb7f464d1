/**
 * `deno task chaos`: images are sent while worker processes are killed, models fail and brokers go away; then everything is
 * read back. Exits with 0 when nothing was lost, doubled, out of order or wrong, else with 1. docs/guarantees.md says what
 * that shows.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "../../cli/command.ts";
import { columns, logError, print, showProgress } from "../../cli/ui/terminal.ts";
import { integer, oneOf } from "../../cli/arguments.ts";
import { KafkaUnavailable } from "../../testing/brokers/kafka_install.ts";
import { PostgresUnavailable } from "../../testing/brokers/postgres.ts";
import { formatReport } from "./report.ts";
import { type ChaosOptions, type Progress, runChaos } from "./run.ts";
import { type FaultKind, FAULTS, planFaults, possibleFaults } from "./schedule.ts";

/** Images to a fault, where it is not said how many faults there shall be. */
const MESSAGES_PER_FAULT = 3_000;

const HELP = `Usage: deno task chaos [options]

  --bus sqlite|kafka     the embedded bus, or a Kafka of its own; default sqlite
  --brokers 1|3          brokers of Kafka; three hold a replica of everything each; default 1
  --postgres             results also go into a PostgreSQL of its own, besides the SQLite file
  --messages N           how many images; default 10000
  --seed N               of the schedule and the images; default 1
  --faults A,B           which faults; default: all that there can be
  --fault-count N        how many; default: one for 3000 images, and each kind at least once
  --workers N            worker processes; default 3
  --workers-per-model N  threads of the model in each of them; default 1
  --rate N               most images a second; default 500
  --bad-percent N        how many images are bad; default 2
  --max-worker-memory-mb N  a model that has grown past it has to be replaced; default 128
  --session-ms N         silence after which a worker loses its partitions; default 3000
  --schedule             print the faults and do nothing
  --exactly-once         workers deliver exactly once: the topics may hold nothing twice
  --commit-before-sink   the control: workers commit what they have not stored; the run has to fail
  --keep                 keep the directory with bus, results and logs, which is kept anyway when the run fails
  --json                 the report as one JSON object

${
  columns(
    Object.entries(FAULTS).map((
      [kind, { what, needs }],
    ) => [`  ${kind}`, what, needs ? `needs ${needs === "replicas" ? "--brokers 3" : needs}` : ""]),
  )
}`;

type Settings = Omit<ChaosOptions, "directory" | "onProgress" | "signal">;

interface Arguments {
  readonly settings: Settings;
  readonly only: "help" | "schedule" | null;
  readonly json: boolean;
  readonly keep: boolean;
}

/** @throws {UsageError} For what is not known or out of range. */
function readArguments(args: string[]): Arguments {
  const { values } = parse(args);
  const bus = oneOf("bus", values.bus, ["sqlite", "kafka"] as const);
  const messages = integer("messages", values.messages, 1, 10_000_000);
  const { postgres } = values;
  const brokers = Number(oneOf("brokers", values.brokers, ["1", "3"]));
  if (brokers > 1 && bus !== "kafka") throw new UsageError("--brokers 3 needs --bus kafka");
  const kinds = kindsOf(possibleFaults(bus, postgres, brokers), values.faults);
  const usual = Math.max(kinds.length, Math.ceil(messages / MESSAGES_PER_FAULT));
  const settings = {
    bus,
    brokers,
    postgres,
    messages,
    kinds,
    seed: integer("seed", values.seed, 0, 2 ** 31 - 1),
    faults: integer("fault-count", values["fault-count"] ?? String(usual), 0, 10_000),
    workers: integer("workers", values.workers, 1, 32),
    workersPerModel: integer("workers-per-model", values["workers-per-model"], 1, 64),
    rate: integer("rate", values.rate, 1, 1_000_000),
    badShare: integer("bad-percent", values["bad-percent"], 0, 100) / 100,
    sessionTimeoutMs: integer("session-ms", values["session-ms"], 1_000, 60_000),
    maxWorkerMemoryMb: integer("max-worker-memory-mb", values["max-worker-memory-mb"], 64, 4_096),
    commitBeforeSink: values["commit-before-sink"],
    exactlyOnce: values["exactly-once"],
  };
  const data = Deno.env.get("IMAGEBUS_DATA");
  const only = values.help ? "help" : values.schedule ? "schedule" : null;
  return { settings: { ...settings, ...(data && { data }) }, only, json: values.json, keep: values.keep };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        bus: { type: "string", default: "sqlite" },
        brokers: { type: "string", default: "1" },
        postgres: { type: "boolean", default: false },
        messages: { type: "string", default: "10000" },
        seed: { type: "string", default: "1" },
        faults: { type: "string" },
        "fault-count": { type: "string" },
        workers: { type: "string", default: "3" },
        "workers-per-model": { type: "string", default: "1" },
        rate: { type: "string", default: "500" },
        "bad-percent": { type: "string", default: "2" },
        "max-worker-memory-mb": { type: "string", default: "128" },
        "session-ms": { type: "string", default: "3000" },
        schedule: { type: "boolean", default: false },
        "exactly-once": { type: "boolean", default: false },
        "commit-before-sink": { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. See deno task chaos --help`);
  }
}

function kindsOf(possible: FaultKind[], list: string | undefined): FaultKind[] {
  if (list === undefined) return possible;
  return [...new Set(list.split(",").map((name) => oneOf("faults", name.trim(), possible)))];
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

/** A bar on a terminal; elsewhere a line for each fault, when it begins and when its recovery is over. */
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
    ? `${kind} was not recovered from`
    : `${kind} recovered from in ${(recoveredMs / 1_000).toFixed(1)} s`;
}

/** @returns The exit code. */
async function run({ settings, json, keep }: Arguments): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-chaos-" });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new UsageError("Interrupted")));
  }
  let kept = false;
  try {
    const report = await runChaos({ ...settings, directory, onProgress: progress(), signal: stop.signal });
    showProgress("");
    print(json ? JSON.stringify(report) : formatReport(report, columns));
    kept = report.kept;
  } finally {
    if (kept && !keep) await Deno.remove(directory, { recursive: true });
    else logError(`Bus, results and logs are in ${directory}`);
  }
  return kept ? 0 : 1;
}

async function main(): Promise<number> {
  try {
    const args = readArguments(Deno.args);
    if (args.only === "help") print(HELP);
    else if (args.only === "schedule") showSchedule(args.settings, args.json);
    else return await run(args);
    return 0;
  } catch (error) {
    const expected = [UsageError, KafkaUnavailable, PostgresUnavailable];
    if (!(error instanceof Error && expected.some((kind) => error instanceof kind))) throw error;
    logError(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

Deno.exit(await main());
