import { isKept, type Verdict } from "./audit.ts";
import type { Fault } from "./schedule.ts";

/** A fault as it went. */
export interface FaultReport extends Fault {
  /** How long it was being done, in milliseconds: a broker that comes back included. */
  readonly tookMs: number;
  /**
   * The longest that any image sent before it, or within a second after its beginning, had to wait for its result from then
   * on, in milliseconds; `null` when that took too long.
   */
  readonly recoveredMs: number | null;
}

/** A run as it went. */
export interface ChaosReport {
  /** Which bus. */
  readonly bus: string;
  /** How many brokers it had; 0 where it is a file. */
  readonly brokers: number;
  /** Whether the results went into a PostgreSQL as well. */
  readonly postgres: boolean;
  /** Of the schedule and the images. */
  readonly seed: number;
  /** Worker processes at first. */
  readonly workers: number;
  /** Whether this was the control run, which has to fail. */
  readonly commitBeforeSink: boolean;
  /** Whether the topics may hold nothing twice either. */
  readonly exactlyOnce: boolean;
  /** What became of the images. */
  readonly verdict: Verdict;
  /** Whether every promise was kept. */
  readonly kept: boolean;
  /** In the order of their beginnings. */
  readonly faults: readonly FaultReport[];
  /** How often an image was sent again because the bus was away. */
  readonly sentAgain: number;
  /** Worker processes that ended by themselves, did not drain, or gave more work to a Worker over its bound. */
  readonly crashes: readonly string[];
  /** Workers that were replaced because they had grown past their bound. */
  readonly replaced: number;
  /** The longest time without any new result while some were awaited, in milliseconds. */
  readonly longestStallMs: number;
  /** The longest time from the first sending of an image to its result, in milliseconds. */
  readonly longestWaitMs: number;
  /** From the first image to the last result, in milliseconds. */
  readonly tookMs: number;
}

/**
 * The report for people: a table of the faults, examples of trouble, and last the line that sums it up.
 *
 * @param report A run.
 * @param align Aligns the rows of a table.
 * @returns Lines, without a line feed at the end.
 */
export function formatReport(
  report: ChaosReport,
  align: (rows: readonly (readonly string[])[]) => string,
): string {
  const { verdict } = report;
  const trouble = Object.entries(verdict.examples).map(([what, ids]) => `${what}: ${ids.join(", ")}`);
  return [
    align([["fault", "times", "recovery, median s", "longest s"], ...faultRows(report.faults)]),
    "",
    `${busOf(report)}, seed ${report.seed}, ${report.workers} worker processes, ${
      seconds(report.tookMs)
    } s; ` +
    `${verdict.repeated} ${report.exactlyOnce ? "images stored twice" : "results repeated on the topic"}, ` +
    `${report.sentAgain} images sent again, longest wait of an image ${seconds(report.longestWaitMs)} s, ` +
    `${report.replaced} Workers replaced for their memory`,
    ...trouble,
    ...report.crashes,
    summary(report),
  ].join("\n");
}

/**
 * One line that sums a run up.
 *
 * @param report A run.
 */
export function summary({ verdict, faults, crashes, longestStallMs }: ChaosReport): string {
  const { deadLettersFound, deadLettersExpected } = verdict;
  const never = faults.filter(({ recoveredMs }) => recoveredMs === null).length;
  const more: readonly [number, string][] = [
    [verdict.unanswered, "without an answer"],
    [verdict.wrong, "wrong"],
    [verdict.deadLettersUnexpected, "unexpected dead letters"],
    [crashes.length, "worker processes ended or went on where they must not"],
    [never, "faults not recovered from"],
  ];
  return [
    `${verdict.sent} sent, ${verdict.lost} lost, ${verdict.twice} twice, ${verdict.outOfOrder} out of order`,
    `${deadLettersFound} of ${deadLettersExpected} dead letters`,
    ...more.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    `${faults.length} faults, longest stall ${seconds(longestStallMs)} s`,
  ].join(", ");
}

/**
 * Whether a run went as it should: nothing lost, nothing wrong, and no process ended or went on where it must not.
 *
 * @param verdict What became of the images.
 * @param crashes What the processes did that they must not.
 */
export function wentWell(verdict: Verdict, crashes: readonly string[]): boolean {
  return isKept(verdict) && crashes.length === 0;
}

function busOf({ bus, brokers, postgres, exactlyOnce }: ChaosReport): string {
  const more = [
    brokers > 1 && ` with ${brokers} brokers`,
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
