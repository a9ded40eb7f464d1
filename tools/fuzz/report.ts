import { columns, wrap } from "../../cli/ui/terminal.ts";
import type { FuzzReport } from "./run.ts";

/** Suspects beyond this are only in the directory. */
const MAX_SHOWN = 20;

/**
 * The human-readable report, in 80 columns.
 *
 * @param report The report of a run.
 * @param kept Where the suspected inputs are; `null` if there are none.
 * @returns Lines, without a line feed at the end.
 */
export function formatReport(report: FuzzReport, kept: string | null): string {
  const { classified, deadLetters, suspects, coordinatorErrors, lost } = report;
  const rows = Object.entries({ classified, ...deadLetters }).map(([outcome, count]) => [
    outcome,
    String(count),
    `${(count / report.inputs * 100).toFixed(1)} %`,
  ]);
  const notes = [
    ...coordinatorErrors.map((reason) => `error: ${reason}`),
    ...lost.length > 0 ? [`lost: ${lost.slice(0, MAX_SHOWN).join(", ")}`] : [],
    ...suspects.slice(0, MAX_SHOWN).map(({ number, reason }) => `input ${number}: ${reason}`),
    ...suspects.length > MAX_SHOWN ? [`and ${suspects.length - MAX_SHOWN} more inputs`] : [],
    ...kept !== null ? [`These inputs are in ${kept}`] : [],
  ];
  return [
    columns([["outcome", "inputs", "share"], ...rows]),
    "",
    ...notes.flatMap((note) => wrap(note, 80)),
    ...notes.length > 0 ? [""] : [],
    ...summary(report).flatMap((line) => wrap(line, 80)),
  ].join("\n");
}

function summary(report: FuzzReport): string[] {
  const { inputs, seed, files, tookMs, restarts, replacements, coordinatorErrors, lost } = report;
  const perSecond = Math.round(inputs / tookMs * 1_000);
  const peak = Math.ceil(report.peakRssBytes / 2 ** 20);
  return [
    `${inputs} inputs of seed ${seed}, made of ${files} files; ${perSecond} per second`,
    `Workers: ${restarts} restarted, ${replacements} replaced; memory of the service at most ${peak} MiB`,
    `coordinator errors ${coordinatorErrors.length}, lost ${lost.length}: ${
      report.passed ? "passed" : "FAILED"
    }`,
  ];
}
