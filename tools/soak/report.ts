import type { Sample } from "./growth.ts";
import type { SoakReport } from "./run.ts";

const MIB = 2 ** 20;
const BARS = "▁▂▃▄▅▆▇█";
const WIDTH = 60;

/**
 * The report for people: memory as a line of bars, a table of the models, and last the line that sums it up.
 *
 * @param report A run.
 * @param align Aligns the rows of a table.
 * @returns Lines, without a line feed at the end.
 */
export function formatReport(
  report: SoakReport,
  align: (rows: readonly (readonly string[])[]) => string,
): string {
  const { models, samples } = report;
  const rows = models.map(({ model, workers }) => [
    model,
    String(workers.length),
    workers.map(({ memoryBytes }) => megabytes(memoryBytes ?? 0)).join(" "),
    String(workers.reduce((sum, { replacements }) => sum + replacements, 0)),
    String(workers.reduce((sum, { restarts }) => sum + restarts, 0)),
  ]);
  return [
    ...samples.length > 0 ? [`${sparkline(samples, WIDTH)}  ${range(samples)}`, ""] : [],
    align([["model", "Workers", "MB of each", "replaced", "restarts"], ...rows]),
    "",
    summary(report),
  ].join("\n");
}

/**
 * One line that sums a run up.
 *
 * @param report A run.
 */
export function summary({ bus, messages, failed, tookMs, growth, maxGrowthMb, passed }: SoakReport): string {
  const perSecond = Math.round(messages / tookMs * 1_000);
  const begin = `${messages} images on ${bus}, ${perSecond} a second${
    failed > 0 ? `, ${failed} failed` : ""
  }`;
  if (growth === null) return `${begin}: too short to judge its memory`;
  const { warmBytes, endBytes, largestBytes, earlyBytes, lateBytes, growthBytes } = growth;
  const after = Math.round(messages / 6);
  return `${begin}; memory after ${after}: ${megabytes(warmBytes)} MB, at the end ${megabytes(endBytes)}, ` +
    `largest ${megabytes(largestBytes)}; medians ${megabytes(earlyBytes)} and ${megabytes(lateBytes)}: ` +
    `grown by ${megabytes(growthBytes)} MB, ${maxGrowthMb} are allowed: ${passed ? "passed" : "FAILED"}`;
}

/**
 * Memory over the images as bars of text, from the least to the most there was.
 *
 * @param samples In the order of time.
 * @param width The most bars.
 */
export function sparkline(samples: readonly Sample[], width: number): string {
  const values = samples.map(({ rssBytes }) => rssBytes);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const count = Math.min(width, values.length);
  return Array.from({ length: count }, (_, i) => {
    const some = values.slice(
      Math.floor(i * values.length / count),
      Math.floor((i + 1) * values.length / count),
    );
    const share = (Math.max(...some) - least) / (most - least || 1);
    return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))];
  }).join("");
}

function range(samples: readonly Sample[]): string {
  const values = samples.map(({ rssBytes }) => rssBytes);
  return `${megabytes(Math.min(...values))} to ${megabytes(Math.max(...values))} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
