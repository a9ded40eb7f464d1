/**
 * `deno task chaos`: images are sent while worker processes are killed, models fail and brokers are
 * unavailable; then everything is read back. Exits with 0 if nothing was lost, duplicated, out of order or
 * wrong, else with 1. docs/guarantees.md explains what that shows.
 *
 * @module
 */
import { interruption, runTask } from "../../cli/task.ts";
import { Progress } from "../../cli/ui/progress.ts";
import { columns, logError, print, showProgress } from "../../cli/ui/terminal.ts";
import { defined } from "../../lib/defined.ts";
import { flag } from "../../lib/options.ts";
import { FAULTS } from "./faults.ts";
import { CHAOS_OPTIONS } from "./options.ts";
import { formatReport } from "./report.ts";
import { type ChaosProgress, runChaos } from "./run.ts";
import { type Fault, planFaults } from "./schedule.ts";

/** What a fault requires, for the help. */
const REQUIREMENTS = {
  sqlite: "embedded bus only",
  kafka: "--bus kafka",
  replicas: "--brokers 3",
  postgres: "--postgres",
} as const;

function showSchedule(faults: readonly Fault[], json: boolean): void {
  if (json) return faults.forEach((fault) => print(JSON.stringify(fault)));
  print(columns([
    ["after", "fault", "target", "amount", "waits"],
    ...faults.map(({ at, kind, target, amount, waits }) => [
      ...[String(at), kind, String(target), String(amount)],
      waits ? "yes" : "no",
    ]),
  ]));
}

/** A bar on a terminal; elsewhere a line at the beginning of each fault and one at its recovery. */
function showing(messages: number): (progress: ChaosProgress) => void {
  const bar = new Progress("images", messages);
  let last = "";
  return ({ answered, faults, fault }) => {
    if (fault) last = describe(fault);
    if (fault && !Deno.stderr.isTerminal()) logError(`${answered} of ${messages}: ${last}`);
    bar.show(answered, `fault ${faults}: ${last}`);
  };
}

function describe(fault: NonNullable<ChaosProgress["fault"]>): string {
  if (!("recoveredMs" in fault)) return fault.kind;
  const { kind, recoveredMs } = fault;
  return recoveredMs === null
    ? `${kind}: no recovery`
    : `${kind}: recovered after ${(recoveredMs / 1_000).toFixed(1)} s`;
}

await runTask({
  name: "chaos",
  summary: "Send images while things break, then read back everything and look for losses and duplicates",
  options: {
    ...CHAOS_OPTIONS,
    schedule: flag("print the planned faults and exit"),
    keep: flag("keep the directory with bus, results and logs even if the run succeeds"),
    json: flag("print the report as one JSON object"),
  },
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
  async run({ values }) {
    const { schedule, json, keep } = values;
    const faults = planFaults(values);
    if (schedule) {
      showSchedule(faults, json);
      return 0;
    }
    const directory = await Deno.makeTempDir({ prefix: "imagebus-chaos-" });
    let kept = false;
    try {
      const report = await runChaos(values, {
        directory,
        onProgress: showing(values.messages),
        signal: interruption(),
        ...defined({ data: Deno.env.get("IMAGEBUS_DATA") || undefined }),
      });
      showProgress("");
      print(json ? JSON.stringify(report) : formatReport(report));
      kept = report.kept;
    } finally {
      if (kept && !keep) await Deno.remove(directory, { recursive: true });
      else logError(`Bus, results and logs are in ${directory}`);
    }
    return kept ? 0 : 1;
  },
});
