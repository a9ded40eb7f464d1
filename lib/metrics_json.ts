import { type Family, Histogram, type MetricType, type Value } from "./metrics.ts";

/** A series: of a counter or gauge its value, of a histogram the number of observations up to each bound. */
export type SampleJson =
  & { readonly labels: Readonly<Record<string, string>> }
  & (
    | { readonly value: number }
    | {
      readonly count: number;
      readonly sum: number;
      /** The last bound is `null`: there is none. */
      readonly buckets: readonly (readonly [bound: number | null, count: number])[];
    }
  );

/** A family with its series. */
export interface FamilyJson {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly SampleJson[];
}

/** Metrics as JSON. */
export function metricsJson(families: Iterable<Family>): FamilyJson[] {
  return Array.from(families, (family) => {
    const { name, type, help } = family;
    const samples = Array.from(family, ({ values, series }) => ({
      labels: Object.fromEntries(family.labels.map((label, i) => [label, values[i]!])),
      ...numbersOf(series),
    }));
    return { name, type, help, samples };
  });
}

function numbersOf(series: Value | Histogram) {
  if (!(series instanceof Histogram)) return { value: series.value };
  let count = 0;
  const buckets = Array.from(series.counts, (own, i) => [series.bounds[i] ?? null, count += own] as const);
  return { count, sum: series.sum, buckets };
}
