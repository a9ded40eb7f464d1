import { columns } from "../../cli/ui/terminal.ts";
import { median } from "../../lib/median.ts";
import type { Run } from "./run.ts";

/** The runs of a system. */
export interface SystemRuns {
  readonly name: string;
  readonly runs: readonly Run[];
}

/** What is reported of a system. */
export interface Figures {
  readonly name: string;
  readonly imagesPerSecond: { readonly median: number; readonly min: number; readonly max: number };
  /** Median over the rounds of its speed over that of the baseline in the same round. */
  readonly ratio: number;
  readonly cpuMicroseconds: number;
  /** Share of its images with the label that the baseline gave. */
  readonly sameLabels: number;
  readonly rounds: readonly number[];
}

/**
 * Summarises runs.
 *
 * @param all Of all systems, with as many runs each.
 * @param baseline Name of the system that the others are compared with.
 */
export function summarise(all: readonly SystemRuns[], baseline: string): Figures[] {
  const base = all.find(({ name }) => name === baseline)!.runs;
  return all.map(({ name, runs }) => {
    const rounds = runs.map(({ imagesPerSecond }) => imagesPerSecond);
    return {
      name,
      imagesPerSecond: { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds) },
      ratio: median(rounds.map((speed, i) => speed / base[i]!.imagesPerSecond)),
      cpuMicroseconds: median(runs.map(({ cpuMicroseconds }) => cpuMicroseconds)),
      sameLabels: Math.min(...runs.map((run) => agreement(run, base[0]!))),
      rounds,
    };
  });
}

function agreement({ labels }: Run, { labels: others }: Run): number {
  let same = 0;
  let compared = 0;
  for (const [id, index] of labels) {
    const other = others.get(id);
    if (other === undefined) continue;
    compared++;
    if (other === index) same++;
  }
  return same / compared;
}

/** The figures as a table. */
export function table(all: readonly Figures[]): string {
  const rounded = (value: number) => Math.round(value).toLocaleString("en");
  return columns([
    ["", "images/s", "min", "max", "ratio", "CPU µs", "same label"],
    ...all.map(({ name, imagesPerSecond: { median, min, max }, ratio, cpuMicroseconds, sameLabels }) => [
      name,
      ...[median, min, max].map(rounded),
      ratio < 0.1 ? ratio.toFixed(5) : ratio.toFixed(2),
      rounded(cpuMicroseconds),
      `${(100 * sameLabels).toFixed(2)} %`,
    ]),
  ]);
}

const WIDTH = 860;
const LABELS = 330;
const ROW = 30;

/** Medians as bars, with the range of the rounds. */
export function svg(all: readonly Figures[]): string {
  const scale = (WIDTH - LABELS - 90) / Math.max(...all.map(({ imagesPerSecond }) => imagesPerSecond.max));
  const height = ROW * all.length + 40;
  const rows = all.map(({ name, imagesPerSecond: { median, min, max } }, i) => {
    const y = 20 + ROW * i;
    const [from, to] = [LABELS + min * scale, LABELS + max * scale];
    return `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${name}</text>
<rect x="${LABELS}" y="${y}" width="${median * scale}" height="18" fill="${fillOf(name)}"/>
<path d="M${from} ${y + 9}H${to}" stroke="#222"/>
<text x="${to + 6}" y="${y + 14}">${Math.round(median).toLocaleString("en")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<title>Images per second: medians, with the range of the rounds</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${rows.join("\n")}
</svg>
`;
}

function fillOf(name: string): string {
  return name.startsWith("imagebus") ? "#3b7dd8" : "#b8b8b8";
}
