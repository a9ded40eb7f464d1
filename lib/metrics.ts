/**
 * Counters, gauges and histograms: plain numbers, so that one costs a few nanoseconds per change.
 *
 * A {@linkcode Family} is one quantity with its labels; a series is one number of it. Whoever changes a series often
 * keeps it, instead of looking it up each time.
 *
 * @module
 */

/** The kinds of metrics, as Prometheus names them. */
export type MetricType = "counter" | "gauge" | "histogram";

/** A number that only grows, or one that goes up and down. */
export class Value {
  /** The number. */
  value = 0;
}

/** How often values fell below each of some bounds. */
export class Histogram {
  /** Upper bounds of its buckets, ascending; one more bucket has no bound. */
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative. */
  readonly counts: Float64Array;
  /** Sum of all observations. */
  sum = 0;

  /** @param bounds See {@linkcode Histogram.bounds}. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value. */
  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    counts[bucket]!++;
    this.sum += value;
  }

  /** Number of observations. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}

/** The most series of a family. Beyond it, all others are counted in one whose labels are `other`. */
export const MAX_SERIES = 1_000;

/** A series with the values of its labels. */
export interface Series<T> {
  /** In the order of {@linkcode Family.labels}. */
  readonly values: readonly string[];
  readonly series: T;
}

/** One quantity: its name, what it means, and a series per combination of labels. */
export class Family<T extends Value | Histogram = Value | Histogram> {
  readonly #create: () => T;
  readonly #series = new Map<string, Series<T>>();

  /**
   * @param name By the conventions of Prometheus: a prefix, the quantity, its base unit, and `_total` for a counter.
   * @param type What its series are.
   * @param help What it means, in one sentence.
   * @param labels Names of its labels.
   * @param create Creates a series.
   */
  constructor(
    readonly name: string,
    readonly type: MetricType,
    readonly help: string,
    readonly labels: readonly string[],
    create: () => T,
  ) {
    this.#create = create;
  }

  /** The series with these values of the labels; created when it is first needed. */
  of(...values: readonly string[]): T {
    const key = values.join("\u0000");
    const known = this.#series.get(key);
    if (known) return known.series;
    if (this.#series.size >= MAX_SERIES && values.some((value) => value !== "other")) {
      return this.of(...values.map(() => "other"));
    }
    const series = this.#create();
    this.#series.set(key, { values, series });
    return series;
  }

  /** Forgets all series: for gauges that are set anew each time they are read. */
  clear(): void {
    this.#series.clear();
  }

  /** All series. */
  [Symbol.iterator](): IterableIterator<Series<T>> {
    return this.#series.values();
  }
}

/** The families of a program, in the order in which they were added. */
export class MetricRegistry {
  readonly #families = new Map<string, Family>();

  /** Adds a family whose numbers only grow. */
  counter(name: string, help: string, labels: readonly string[] = []): Family<Value> {
    return this.#add(new Family(name, "counter", help, labels, () => new Value()));
  }

  /** Adds a family whose numbers go up and down. */
  gauge(name: string, help: string, labels: readonly string[] = []): Family<Value> {
    return this.#add(new Family(name, "gauge", help, labels, () => new Value()));
  }

  /** Adds a family of histograms with fixed bounds. */
  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[],
  ): Family<Histogram> {
    return this.#add(new Family(name, "histogram", help, labels, () => new Histogram(bounds)));
  }

  /** The family of a name. */
  find(name: string): Family | undefined {
    return this.#families.get(name);
  }

  /** All families. */
  [Symbol.iterator](): IterableIterator<Family> {
    return this.#families.values();
  }

  #add<T extends Value | Histogram>(family: Family<T>): Family<T> {
    if (this.#families.has(family.name)) throw new TypeError(`Cannot add ${family.name} twice`);
    this.#families.set(family.name, family as unknown as Family);
    return family;
  }
}
