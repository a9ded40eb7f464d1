import { columns } from "../../cli/ui/terminal.ts";
import type { Sample } from "./growth.ts";
import type { SoakReport } from "./run.ts";

const MIB = 2 ** 20;
const BARS = "▁▂▃▄▅▆▇█";
const WIDTH = 60;

/**
 * The human-readable report: memory as a sparkline, a table of the models, and the summary as the last line.
 *
 * @param report The report of a run.
 * @returns Lines, without a line feed at the end.
 */
export function formatReport(report: SoakReport): string {
  const { models, samples } = report;
  const rows = models.map(({ model, workers }) => [
    model,
    String(workers.length),
    workers.map(({ memoryBytes }) => mebibytes(memoryBytes ?? 0)).join(" "),
    String(workers.reduce((sum, { replacements }) => sum + replacements, 0)),
    String(workers.reduce((sum, { restarts }) => sum + restarts, 0)),
  ]);
  return [
    ...samples.length > 0 ? [`${sparkline(samples, WIDTH)}  ${range(samples)}`, ""] : [],
    columns([["model", "Workers", "MiB each", "replaced", "restarts"], ...rows]),
    "",
    summary(report),
  ].join("\n");
}

/**
 * One line that summarises a run.
 *
 * @param report The report of a run.
 */
export function summary({ bus, messages, failed, tookMs, growth, maxGrowthMb, passed }: SoakReport): string {
  const perSecond = Math.round(messages / tookMs * 1_000);
  const begin = `${messages} images on ${bus}, ${perSecond} per second${
    failed > 0 ? `, ${failed} failed` : ""
  }`;
  if (growth === null) return `${begin}: too short to measure growth`;
  const { warmBytes, endBytes, largestBytes, earlyBytes, lateBytes, growthBytes } = growth;
  const after = Math.round(messages / 6);
  return `${begin}; memory after ${after}: ${mebibytes(warmBytes)} MiB, at the end ${mebibytes(endBytes)}, ` +
    `max ${mebibytes(largestBytes)}; medians ${mebibytes(earlyBytes)} and ${mebibytes(lateBytes)}: ` +
    `growth ${mebibytes(growthBytes)} MiB, limit ${maxGrowthMb}: ${passed ? "passed" : "FAILED"}`;
}

/**
 * Memory over the number of images as a line of text, scaled from the smallest to the largest sample.
 *
 * @param samples In the order of time.
 * @param width Maximum number of characters.
 */
export function sparkline(samples: readonly Sample[], width: number): string {
  const values = samples.map(({ rssBytes }) => rssBytes);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const count = Math.min(width, values.length);
  return Array.from({ length: count }, (_, i) => {
    const slice = values.slice(
      Math.floor(i * values.length / count),
      Math.floor((i + 1) * values.length / count),
    );
    const share = (Math.max(...slice) - min) / (max - min || 1);
    return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))];
  }).join("");
}

function range(samples: readonly Sample[]): string {
  const values = samples.map(({ rssBytes }) => rssBytes);
  return `${mebibytes(Math.min(...values))} to ${mebibytes(Math.max(...values))} MiB`;
}

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
