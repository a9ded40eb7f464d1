import type { Comparison } from "../bus/comparison.ts";
import { plural } from "../lib/plural.ts";
import { labelFor } from "../training/datasets/class_mapping.ts";
import { type Interval, wilsonInterval } from "../training/report/statistics.ts";
import { bold, columns, percent, print } from "./ui/terminal.ts";

/** How two versions agree. */
export interface ComparisonSummary {
  readonly images: number;
  /** Images for which both have the same label, or both fail. */
  readonly agreement: Interval;
  /** Images whose true label is known. */
  readonly judged: number;
  /** Accuracy of the version that gave the results; `null` without true labels. */
  readonly servedAccuracy: Interval | null;
  /** Accuracy of the other version. */
  readonly otherAccuracy: Interval | null;
  /** Ids of the images on which they disagree. */
  readonly disagreements: readonly string[];
}

/**
 * Summarises at least one comparison.
 *
 * @param comparisons Of one model.
 */
export function summarise(comparisons: readonly Comparison[]): ComparisonSummary {
  const agreeing = comparisons.filter(agrees);
  const judged = comparisons.filter(({ actual }) => actual !== null);
  const accuracyOf = (which: "served" | "other") => {
    const correct = judged.filter((comparison) => comparison[which].label === comparison.actual);
    return judged.length === 0 ? null : wilsonInterval(correct.length, judged.length);
  };
  return {
    images: comparisons.length,
    agreement: wilsonInterval(agreeing.length, comparisons.length),
    judged: judged.length,
    servedAccuracy: accuracyOf("served"),
    otherAccuracy: accuracyOf("other"),
    disagreements: comparisons.filter((comparison) => !agrees(comparison)).map(({ id }) => id),
  };
}

/**
 * Comparisons with true labels by name: senders also give their index.
 *
 * @param comparisons Of one model.
 * @param labels Of the model.
 */
export function withLabelNames(comparisons: readonly Comparison[], labels: readonly string[]): Comparison[] {
  return comparisons.map((comparison) => {
    const { actual } = comparison;
    return { ...comparison, actual: actual === null ? null : labelFor(actual, labels) ?? actual };
  });
}

/** Whether both versions have the same label, or both fail. */
export function agrees({ served, other }: Comparison): boolean {
  return served.label === other.label;
}

const MAX_PAIRS = 10;

/**
 * Prints a summary, and on what the versions disagree, for each two versions: the one that is served can have changed.
 *
 * @param comparisons Of one model.
 * @param json Whether each summary is a line of JSON.
 */
export function printComparisons(comparisons: readonly Comparison[], json: boolean): void {
  const groups = Map.groupBy(comparisons, ({ served, other }) => `${served.version} ${other.version}`);
  for (const group of groups.values()) printComparison(group, json);
}

function printComparison(comparisons: readonly Comparison[], json: boolean): void {
  const summary = summarise(comparisons);
  const [{ model, served, other }] = comparisons as [Comparison];
  const versions = { model, served: served.version, other: other.version };
  if (json) return print(JSON.stringify({ ...versions, ...summary }));
  const judged = plural(summary.judged, "image");
  print(columns([
    ["", "", "95 % interval"].map(bold),
    [`images of ${model}`, String(summary.images), ""],
    ["agreement", ...cells(summary.agreement)],
    [`accuracy of ${versions.served}, ${judged}`, ...cells(summary.servedAccuracy)],
    [`accuracy of ${versions.other}, ${judged}`, ...cells(summary.otherAccuracy)],
  ]));
  const pairs = Map.groupBy(
    comparisons.filter((comparison) => !agrees(comparison)),
    ({ served, other }) => `${served.label ?? "failed"} → ${other.label ?? "failed"}`,
  );
  if (pairs.size === 0) return;
  const most = [...pairs].sort(([, a], [, b]) => b.length - a.length).slice(0, MAX_PAIRS);
  const rows = most.map(([pair, images]) => [pair, String(images.length), images[0]!.id]);
  print(`\n${columns([["disagreement", "images", "for example"].map(bold), ...rows])}`);
}

function cells(interval: Interval | null): string[] {
  if (interval === null) return ["-", ""];
  const { value, low, high } = interval;
  return [percent(value, 2), `${percent(low, 2)} – ${percent(high, 2)}`];
}
