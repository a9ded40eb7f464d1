import { sleep } from "../../../lib/sleep.ts";
import { BUS_PERMISSIONS, defineCommand, NO_OPERANDS } from "../../command.ts";
import { flag } from "../../../lib/options.ts";
import { BUS_OPTIONS, JSON_OPTION } from "../../options.ts";
import { type BusFailure, type BusStatus, StatusBuses } from "./bus.ts";
import { busTable, modelsTable, workersTable } from "./table.ts";
import { logError, print } from "../../ui/terminal.ts";
import { type FoundReport, readReports } from "../../worker_report.ts";

/** Shows the worker processes of this machine, and the lag of their groups. */
export const status = defineCommand({
  name: "status",
  summary: "Show the worker processes of this machine, and their lag",
  operands: NO_OPERANDS,
  options: {
    ...BUS_OPTIONS,
    bus: {
      ...BUS_OPTIONS.bus,
      otherwise: "those of the running worker processes, else the embedded bus",
      text: "bus whose lag to show",
    },
    group: {
      type: "text",
      otherwise: "those of the running worker processes, else imagebus",
      value: "NAME",
      text: "group whose lag to show",
    },
    watch: { ...flag("refresh every second until Ctrl-C"), short: "w" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus status", "worker processes, models, lag per partition, dead letters"],
    ["imagebus status --watch", "the same, every second"],
    [
      "imagebus status --json > /dev/null",
      "exit code 0 if a worker process is ready and its bus answers, else 1",
    ],
  ],
  permissions: BUS_PERMISSIONS,
  async run(args) {
    await using buses = new StatusBuses(args);
    const show = args.values.json ? showJson : showTables;
    if (args.values.watch) return await watch(buses, show);
    const snapshot = await takeSnapshot(buses);
    show(snapshot);
    return isHealthy(snapshot) ? 0 : 1;
  },
});

const INTERVAL_MS = 1_000;

/** What is shown at one time. */
interface Snapshot {
  readonly reports: readonly FoundReport[];
  readonly buses: readonly (BusStatus | BusFailure)[];
}

async function watch(buses: StatusBuses, show: (snapshot: Snapshot) => void): Promise<number> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  while (!stop.signal.aborted) {
    const snapshot = await takeSnapshot(buses);
    if (Deno.stdout.isTerminal()) print("\x1b[H\x1b[2J\x1b[3J" + new Date().toLocaleTimeString("sv"));
    show(snapshot);
    await sleep(INTERVAL_MS, stop.signal);
  }
  return 0;
}

async function takeSnapshot(buses: StatusBuses): Promise<Snapshot> {
  const reports = await readReports();
  return { reports, buses: await buses.read(reports) };
}

function isHealthy({ reports, buses }: Snapshot): boolean {
  const isReady = ({ silent, health }: FoundReport) => !silent && health.state !== "not ready";
  return reports.some(isReady) && buses.every((bus) => !("error" in bus));
}

function showJson({ reports, buses }: Snapshot): void {
  for (const report of reports) print(JSON.stringify({ type: "worker", ...report }));
  for (const bus of buses) print(JSON.stringify({ type: "bus", ...bus }));
}

function showTables({ reports, buses }: Snapshot): void {
  const alive = reports.filter(({ silent }) => !silent);
  if (alive.length === 0) logError("No worker process runs on this machine; start one: imagebus worker");
  const tables = [
    ...reports.length > 0 ? [workersTable(reports)] : [],
    ...alive.length > 0 ? [modelsTable(alive)] : [],
    ...buses.flatMap((bus) => "error" in bus ? [] : [busTable(bus)]),
  ];
  if (tables.length > 0) print(tables.join("\n\n"));
  for (const bus of buses) if ("error" in bus) logError(`Cannot read the lag on ${bus.url}: ${bus.error}`);
}
