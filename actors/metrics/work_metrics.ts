import type { Classified, Failed } from "../../bus/result.ts";
import { type Family, Histogram, type MetricRegistry, Value } from "../../lib/metrics.ts";
import type { ServiceEvent } from "../events.ts";
import type { ObservedBatch, ObservedCommit, ObservedModel, ObservedWrite, Observer } from "../observer.ts";
import type { Settled } from "../sinks/sink.ts";

const BATCH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const WAIT_SECONDS = [...BATCH_SECONDS, 60, 120, 300];
const BATCH_IMAGES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
const CONFIDENCES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

/** Labels of a model that have a series of their own; the others share `other`. */
const MAX_LABELS = 100;

const VERSION_CHANGES: readonly Extract<ServiceEvent, { readonly type: "version" }>["change"][] = [
  "serving",
  "refused",
  "canary",
  "canary_stopped",
  "shadow",
];

/** What it counts: each name and meaning is documented where the family is added. */
function families(registry: MetricRegistry) {
  const model = ["model"];
  const version = ["model", "version"];
  return {
    images: registry.counter(
      "imagebus_images_total",
      "Images whose result all sinks have stored; failed ones have no version.",
      [...version, "status"],
    ),
    failures: registry.counter(
      "imagebus_failures_total",
      "Images that could not be classified, by the code of the failure; expired ones included.",
      [...model, "code"],
    ),
    predictions: registry.counter(
      "imagebus_predictions_total",
      `Images by predicted label; beyond ${MAX_LABELS} labels per model as "other".`,
      [...version, "label"],
    ),
    judged: registry.counter(
      "imagebus_judged_total",
      "Classified images whose sender provided the true label.",
      version,
    ),
    correct: registry.counter(
      "imagebus_correct_total",
      "Of the judged images, those whose predicted label is the true one.",
      version,
    ),
    queue: registry.histogram(
      "imagebus_queue_duration_seconds",
      "From storing the message to the start of its batch.",
      model,
      WAIT_SECONDS,
    ),
    batch: registry.histogram(
      "imagebus_batch_duration_seconds",
      "Decoding and inference of a batch.",
      version,
      BATCH_SECONDS,
    ),
    batchImages: registry.histogram(
      "imagebus_batch_images",
      "Number of images per batch.",
      version,
      BATCH_IMAGES,
    ),
    batchFailures: registry.counter(
      "imagebus_batch_failures_total",
      "Batches on which a Worker threw, died or hung; their images are retried in parts.",
      version,
    ),
    endToEnd: registry.histogram(
      "imagebus_end_to_end_duration_seconds",
      "From storing the message until all sinks have stored its result.",
      model,
      WAIT_SECONDS,
    ),
    confidence: registry.histogram(
      "imagebus_confidence_ratio",
      "Confidence of the predicted label, 0 to 1.",
      version,
      CONFIDENCES,
    ),
    restarts: registry.counter(
      "imagebus_worker_restarts_total",
      "Workers that were restarted because they had died or missed their deadline.",
      model,
    ),
    replacements: registry.counter(
      "imagebus_worker_replacements_total",
      "Workers that were replaced because they exceeded their memory limit, or the time for one image.",
      model,
    ),
    versionChanges: registry.counter(
      "imagebus_version_changes_total",
      "Versions that were served, refused, or tried: serving, refused, canary, canary_stopped, shadow.",
      [...model, "change"],
    ),
    sinkWrite: registry.histogram(
      "imagebus_sink_write_duration_seconds",
      "Writes of a batch of results to a sink that were stored.",
      ["sink"],
      BATCH_SECONDS,
    ),
    sinkFailures: registry.counter(
      "imagebus_sink_failures_total",
      "Writes that a sink rejected; each is retried.",
      ["sink"],
    ),
    commit: registry.histogram(
      "imagebus_commit_duration_seconds",
      "Commits of offsets; with exactly-once delivery, transactions.",
      [],
      BATCH_SECONDS,
    ),
    commitFailures: registry.counter("imagebus_commit_failures_total", "Commits that failed."),
  };
}

type Families = ReturnType<typeof families>;

/** Counts the work of a service. Costs less than 0.1 µs per image (`deno task bench:observer`). */
export class WorkMetrics implements Observer {
  readonly #families: Families;
  readonly #models = new Map<string, ModelSeries>();
  readonly #other: ModelSeries;
  readonly #sinks = new Map<string, SinkSeries>();

  /** @param registry Where to add its metrics. */
  constructor(registry: MetricRegistry) {
    this.#families = families(registry);
    this.#other = new ModelSeries("other", this.#families);
    // From 0 on, so that the first failure is an increase.
    this.#families.commitFailures.of();
  }

  /** Models that are not served are counted as `other`: anyone can send any name. */
  serving(models: readonly ObservedModel[]): void {
    for (const { model, version } of models) {
      this.#models.set(model, new ModelSeries(model, this.#families, version));
    }
  }

  batch({ model, version, images, tookMs, error }: ObservedBatch): void {
    const series = (this.#models.get(model) ?? this.#other).of(version);
    if (error !== null) return void series.batchFailures.value++;
    series.batch.observe(tookMs / 1_000);
    series.batchImages.observe(images.length);
  }

  stored(results: readonly Settled[]): void {
    const now = Date.now();
    let series: ModelSeries | undefined;
    for (const { result, message } of results) {
      if (series?.model !== result.model) series = this.#models.get(result.model ?? "") ?? this.#other;
      series.queue.observe(result.waitedMs / 1_000);
      series.endToEnd.observe(Math.max(0, now - message.timestamp) / 1_000);
      if (result.status === "classified") series.of(result.modelVersion).count(result);
      else series.failed(result);
    }
  }

  sinkWrite({ sink, tookMs, failed }: ObservedWrite): void {
    let series = this.#sinks.get(sink);
    if (series === undefined) this.#sinks.set(sink, series = new SinkSeries(sink, this.#families));
    if (failed) series.failures.value++;
    else series.write.observe(tookMs / 1_000);
  }

  commit({ tookMs, failed }: ObservedCommit): void {
    if (failed) this.#families.commitFailures.of().value++;
    else this.#families.commit.of().observe(tookMs / 1_000);
  }

  /** Counts restarts and replacements of Workers. */
  note(event: ServiceEvent): void {
    if (event.type === "version") this.#families.versionChanges.of(event.model, event.change).value++;
    if (event.type === "worker_replaced") this.#families.replacements.of(event.model).value++;
    if (event.type === "model" && (event.state === "restarting" || event.state === "down")) {
      this.#families.restarts.of(event.model).value++;
    }
  }
}

/** The series of a model, looked up once. */
class ModelSeries {
  readonly model: string;
  readonly queue: Histogram;
  readonly endToEnd: Histogram;
  readonly #families: Families;
  readonly #failed: Value;
  readonly #failures = new Map<string, Value>();
  readonly #versions = new Map<string, VersionSeries>();

  constructor(model: string, families: Families, version?: string) {
    this.model = model;
    this.#families = families;
    this.queue = families.queue.of(model);
    this.endToEnd = families.endToEnd.of(model);
    // From 0 on, so that the first failure, restart or refused version is an increase.
    this.#failed = families.images.of(model, "", "failed");
    if (version === undefined) return;
    for (const family of [families.restarts, families.replacements]) family.of(model);
    for (const change of VERSION_CHANGES) families.versionChanges.of(model, change);
    this.of(version);
  }

  /** The series of a version. */
  of(version: string): VersionSeries {
    let series = this.#versions.get(version);
    if (!series) this.#versions.set(version, series = new VersionSeries(this.model, version, this.#families));
    return series;
  }

  failed({ error: { code } }: Failed): void {
    this.#failed.value++;
    let failures = this.#failures.get(code);
    if (!failures) this.#failures.set(code, failures = this.#families.failures.of(this.model, code));
    failures.value++;
  }
}

/** The series of a sink; those of one kind share theirs. */
class SinkSeries {
  readonly write: Histogram;
  readonly failures: Value;

  constructor(sink: string, { sinkWrite, sinkFailures }: Families) {
    const kind = sink.split(" ", 1)[0]!;
    this.write = sinkWrite.of(kind);
    this.failures = sinkFailures.of(kind);
  }
}

/** The series of a version of a model. */
class VersionSeries {
  readonly batch: Histogram;
  readonly batchImages: Histogram;
  readonly batchFailures: Value;
  readonly #names: readonly [model: string, version: string];
  readonly #predictions: Family<Value>;
  readonly #labels: Value[] = [];
  readonly #images: Value;
  readonly #judged: Value;
  readonly #correct: Value;
  readonly #confidence: Histogram;

  constructor(model: string, version: string, families: Families) {
    this.#names = [model, version];
    this.#predictions = families.predictions;
    this.#images = families.images.of(model, version, "classified");
    this.#judged = families.judged.of(model, version);
    this.#correct = families.correct.of(model, version);
    this.#confidence = families.confidence.of(model, version);
    this.batch = families.batch.of(model, version);
    this.batchImages = families.batchImages.of(model, version);
    this.batchFailures = families.batchFailures.of(model, version);
  }

  count({ actual, confidence, index, label }: Classified): void {
    this.#images.value++;
    this.#confidence.observe(confidence);
    (this.#labels[index] ??= this.#predictions.of(...this.#names, index < MAX_LABELS ? label : "other"))
      .value++;
    if (actual === undefined) return;
    this.#judged.value++;
    if (actual === label || actual === String(index)) this.#correct.value++;
  }
}
