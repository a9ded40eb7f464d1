import { sleep } from "../../../lib/sleep.ts";
import { type Arguments, defineCommand, NO_OPERANDS } from "../../command.ts";
import type { OptionTable } from "../../../lib/options.ts";
import { BUS_OPTIONS, JSON_OPTION } from "../../options.ts";
import { type BusFailure, type BusStatus, StatusBuses } from "./bus.ts";
import { busTable, modelsTable, workersTable } from "./table.ts";
import { logError, print } from "../../ui/terminal.ts";
import { type FoundReport, readReports } from "../../worker_report.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  bus: {
    ...BUS_OPTIONS.bus,
    otherwise: "those of the running workers, else the embedded one",
    text: "bus to ask for lag",
  },
  group: {
    type: "text",
    otherwise: "those of the running workers, else imagebus",
    value: "NAME",
    text: "group whose lag to show",
  },
  watch: { type: "flag", default: false, text: "show it again every second, until Ctrl-C" },
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Shows the workers of this machine, and what waits for them. */
export const status = defineCommand({
  name: "status",
  summary: "Show the running workers of this machine, and what waits for them",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["imagebus status", "workers, models, lag per partition, dead letters"],
    ["imagebus status --watch", "the same, every second"],
    ["imagebus status --json > /dev/null", "exit code 0: a worker is ready, and its bus answers; else 1"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
});

const INTERVAL_MS = 1_000;

/** What is shown at a time. */
interface Look {
  readonly reports: readonly FoundReport[];
  readonly buses: readonly (BusStatus | BusFailure)[];
}

async function run(args: Args): Promise<number> {
  await using buses = new StatusBuses(args);
  const show = args.values.json ? showJson : showTables;
  if (args.values.watch) return await watch(buses, show);
  const seen = await look(buses);
  show(seen);
  return isWell(seen) ? 0 : 1;
}

async function watch(buses: StatusBuses, show: (seen: Look) => void): Promise<number> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  while (!stop.signal.aborted) {
    const seen = await look(buses);
    if (Deno.stdout.isTerminal()) print("\x1b[H\x1b[2J\x1b[3J" + new Date().toLocaleTimeString("sv"));
    show(seen);
    await sleep(INTERVAL_MS, stop.signal);
  }
  return 0;
}

async function look(buses: StatusBuses): Promise<Look> {
  const reports = await readReports();
  return { reports, buses: await buses.look(reports) };
}

function isWell({ reports, buses }: Look): boolean {
  const isReady = ({ silent, health }: FoundReport) => !silent && health.state !== "not ready";
  return reports.some(isReady) && buses.every((bus) => !("error" in bus));
}

function showJson({ reports, buses }: Look): void {
  for (const report of reports) print(JSON.stringify({ type: "worker", ...report }));
  for (const bus of buses) print(JSON.stringify({ type: "bus", ...bus }));
}

function showTables({ reports, buses }: Look): void {
  const alive = reports.filter(({ silent }) => !silent);
  if (alive.length === 0) logError("No worker is running on this machine: imagebus worker starts one");
  const tables = [
    ...reports.length > 0 ? [workersTable(reports)] : [],
    ...alive.length > 0 ? [modelsTable(alive)] : [],
    ...buses.flatMap((bus) => "error" in bus ? [] : [busTable(bus)]),
  ];
  if (tables.length > 0) print(tables.join("\n\n"));
  for (const bus of buses) if ("error" in bus) logError(`${bus.url} can't be asked: ${bus.error}`);
}
