import { columns } from "../../cli/ui/terminal.ts";
import { isKept, type Verdict } from "./audit.ts";
import type { ChaosSettings } from "./options.ts";
import type { Fault } from "./schedule.ts";

/** A fault and its effect. */
export interface FaultReport extends Fault {
  /** Duration of the fault in milliseconds, including the restart of a broker. */
  readonly tookMs: number;
  /**
   * Longest wait, after the beginning of the fault, of the images sent before it or within a second after its
   * beginning, in milliseconds; `null` if the run did not recover.
   */
  readonly recoveredMs: number | null;
}

/** The report of a run. */
export interface ChaosReport extends
  Pick<
    ChaosSettings,
    "bus" | "secured" | "postgres" | "seed" | "workers" | "commitBeforeSink" | "exactlyOnce" | "http"
  > {
  /** Number of brokers; 0 for the embedded bus. */
  readonly brokers: number;
  readonly verdict: Verdict;
  /** Whether every promise was kept. */
  readonly kept: boolean;
  readonly faults: readonly FaultReport[];
  /** How often an image was resent because the bus was unavailable. */
  readonly resent: number;
  /**
   * Worker processes that ended unexpectedly, did not drain, sent a batch to a Worker over its memory limit, or
   * counted wrong.
   */
  readonly crashes: readonly string[];
  /** Workers that were replaced because they exceeded their memory limit. */
  readonly replaced: number;
  /** Images that the metrics of the drained worker processes have counted; 0 without HTTP. */
  readonly counted: number;
  /** How often a worker process served another version. */
  readonly exchanges: number;
  /** Median time of that, from reading the version until it gets the images, in milliseconds; `null` without any. */
  readonly exchangeMs: number | null;
  /** How often a worker process refused a broken version. */
  readonly refused: number;
  /** Longest time without a new result while some were outstanding, in milliseconds. */
  readonly longestStallMs: number;
  /** Longest time from the first send of an image to its result, in milliseconds. */
  readonly longestWaitMs: number;
  /** From the first image to the last result, in milliseconds. */
  readonly tookMs: number;
}

/**
 * The human-readable report: a table of the faults, examples of violations, and the summary as the last line.
 *
 * @param report The report of a run.
 * @returns Lines, without a line feed at the end.
 */
export function formatReport(report: ChaosReport): string {
  const { verdict } = report;
  const violations = Object.entries(verdict.examples).map(([what, ids]) => `${what}: ${ids.join(", ")}`);
  return [
    columns([["fault", "times", "recovery, median s", "max s"], ...faultRows(report.faults)]),
    "",
    `${busOf(report)}, seed ${report.seed}, ${report.workers} worker processes, ${
      seconds(report.tookMs)
    } s; ` +
    `${verdict.repeated} ${report.exactlyOnce ? "images stored twice" : "results repeated on the topic"}, ` +
    `${report.resent} images resent, longest wait of an image ${seconds(report.longestWaitMs)} s, ` +
    `${report.replaced} Workers replaced because of their memory` +
    (report.exchangeMs === null
      ? ""
      : `, ${report.exchanges} exchanges of the version, median ${seconds(report.exchangeMs)} s, ` +
        `${report.refused} refusals`) +
    (report.http ? `; ${report.counted} images by the metrics of the processes that drained` : ""),
    ...violations,
    ...report.crashes,
    summary(report),
  ].join("\n");
}

/**
 * One line that summarises a run.
 *
 * @param report The report of a run.
 */
export function summary({ verdict, faults, crashes, longestStallMs }: ChaosReport): string {
  const { deadLettersFound, deadLettersExpected } = verdict;
  const never = faults.filter(({ recoveredMs }) => recoveredMs === null).length;
  const violations: readonly [number, string][] = [
    [verdict.unanswered, "without a result"],
    [verdict.wrong, "wrong"],
    [verdict.wrongVersion, "with a wrong version"],
    [verdict.deadLettersUnexpected, "unexpected dead letters"],
    [crashes.length, "worker processes ended, continued or counted unexpectedly"],
    [never, "faults without recovery"],
  ];
  return [
    `${verdict.sent} sent, ${verdict.lost} lost, ${verdict.twice} twice, ${verdict.outOfOrder} out of order`,
    `${deadLettersFound} of ${deadLettersExpected} dead letters`,
    ...violations.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    `${faults.length} faults, longest stall ${seconds(longestStallMs)} s`,
  ].join(", ");
}

/**
 * Whether a run succeeded: every promise was kept, and no process ended, continued or counted unexpectedly.
 *
 * @param verdict The outcome of the run.
 * @param crashes Unexpected behaviour of worker processes.
 */
export function wentWell(verdict: Verdict, crashes: readonly string[]): boolean {
  return isKept(verdict) && crashes.length === 0;
}

function busOf({ bus, brokers, secured, postgres, exactlyOnce }: ChaosReport): string {
  const more = [
    brokers > 1 && ` with ${brokers} brokers`,
    secured && " with TLS and SCRAM",
    postgres && " with PostgreSQL",
    exactlyOnce && ", exactly once",
  ];
  return [bus, ...more].filter((part) => part !== false).join("");
}

function faultRows(faults: readonly FaultReport[]): string[][] {
  return [...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, same]) => {
    const times = same.map(({ recoveredMs }) => recoveredMs ?? Infinity).sort((a, b) => a - b);
    const median = times[times.length >> 1]!;
    return [kind, String(same.length), seconds(median), seconds(times.at(-1)!)];
  });
}

function seconds(ms: number): string {
  return ms === Infinity ? "never" : (ms / 1_000).toFixed(1);
}
