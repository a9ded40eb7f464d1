import { optionsFor } from "../../testing/options_for.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";
import { imagesOf, type TestImage } from "../../testing/images.ts";
import { startKafka } from "../../testing/brokers/kafka_broker.ts";
import { type Growth, judgeGrowth, type Sample } from "./growth.ts";
import { Requester } from "./requester.ts";
import type { WorkerSample, WorkerSettings } from "./worker.ts";
import { WorkerProcess } from "./worker_process.ts";

/** What to run. */
export interface SoakOptions {
  readonly bus: "sqlite" | "kafka";
  /** Number of images. */
  readonly messages: number;
  /** Models that images are sent to, in turn. */
  readonly models: readonly string[];
  /** Directories with more models, besides the shipped ones. @default {[]} */
  readonly modelsDirs?: readonly string[];
  /** Negative control: whether the models leak. */
  readonly leak: boolean;
  /** Memory limit of a Worker in MiB, beyond which it is replaced between batches. */
  readonly maxWorkerMemoryMb: number;
  /** Maximum growth of the process after the first sixth, in MiB. */
  readonly maxGrowthMb: number;
  /** An empty directory for the bus and the results database. */
  readonly directory: string;
  /** Milliseconds between samples. @default {1_000} */
  readonly sampleMs?: number;
  /** Called with each sample. */
  readonly onProgress?: (sample: Sample) => void;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The report of a run. */
export interface SoakReport {
  readonly bus: "sqlite" | "kafka";
  /** Number of images. */
  readonly messages: number;
  /** Images that could not be classified. */
  readonly failed: number;
  /** Whether the models leaked. */
  readonly leak: boolean;
  /** From the first image sent to the last result, in milliseconds. */
  readonly tookMs: number;
  /** Growth of memory; `null` if the run was too short to measure it. */
  readonly growth: Growth | null;
  /** Maximum growth, in MiB. */
  readonly maxGrowthMb: number;
  /** Whether growth stayed within the limit and every image was classified. */
  readonly passed: boolean;
  /** The models at the end. */
  readonly models: readonly ModelStatus[];
  readonly samples: readonly Sample[];
}

/**
 * A small limit: beyond it, processed requests and old results are removed, so that the bus reaches a steady
 * state.
 */
const BUS_OPTIONS: ConnectOptions = { sqlite: { maxQueueBytes: 64 * 2 ** 20 } };

/** Bytes that all models together leak in a whole run, whatever the number of images. */
const LEAK_BYTES = 256 * 2 ** 20;

const WORKER = new URL("./worker.ts", import.meta.url);

const STALL_MS = 120_000;

/**
 * Sends many images through one worker process, and watches its memory.
 *
 * @param options The run.
 * @throws {ServerError} `unavailable` if Kafka is needed, without Java or Maven.
 * @throws {Error} If the run itself cannot continue.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { messages, directory, models, leak, maxGrowthMb } = options;
  await using kafka = options.bus === "kafka" ? await startKafka({ dataDir: `${directory}/kafka` }) : null;
  const url = kafka ? `kafka://${kafka.brokers}` : `sqlite:${directory}/bus.db`;
  await using bus = await connect(url, optionsFor(url, BUS_OPTIONS));
  const images = models.flatMap(samplesOf);
  const requester = await Requester.start(bus, {
    count: messages,
    image(number) {
      const { png, model } = images[number % images.length]!;
      return { image: png, model };
    },
  });
  const watch = new Watch(requester, options.onProgress ?? (() => {}));
  const settings: WorkerSettings = {
    bus: url,
    busOptions: optionsFor(url, BUS_OPTIONS),
    models,
    modelsDirs: options.modelsDirs ?? [],
    results: `${directory}/results.db`,
    maxWorkerMemoryMb: options.maxWorkerMemoryMb,
    leakBytes: leak ? Math.ceil(LEAK_BYTES / messages) : 0,
    sampleMs: options.sampleMs ?? 1_000,
  };
  await using worker = await WorkerProcess.start<WorkerSample>(
    WORKER,
    settings,
    (sample) => watch.add(sample),
  );
  const begun = watch.begin();
  const interrupted = Promise.withResolvers<never>();
  options.signal?.addEventListener("abort", () => interrupted.reject(options.signal!.reason), { once: true });
  const work = requester.run();
  await Promise.race([work, worker.failed, watch.stalled, interrupted.promise]);
  const tookMs = performance.now() - begun;
  const growth = judgeGrowth(watch.samples, messages);
  const { failed } = requester;
  const passed = growth !== null && growth.growthBytes <= maxGrowthMb * 2 ** 20 && failed === 0;
  const { samples } = watch;
  const state = { growth, maxGrowthMb, passed, models: watch.models, samples };
  return { bus: options.bus, messages, failed, leak, tookMs, ...state };
}

/** The bundled images of a model; those of mnist for a model without any. */
function samplesOf(model: string): TestImage[] {
  try {
    return imagesOf(model);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return imagesOf("mnist").map((image) => ({ ...image, model }));
  }
}

/** Collects samples, beginning with the first image. */
class Watch {
  readonly samples: Sample[] = [];
  models: readonly ModelStatus[] = [];
  /** Rejects after {@linkcode STALL_MS} without a new result. */
  readonly stalled: Promise<never>;
  readonly #requester: Requester;
  readonly #onProgress: (sample: Sample) => void;
  readonly #stalled = Promise.withResolvers<never>();
  #begun: number | undefined;
  #movedAt = 0;

  constructor(requester: Requester, onProgress: (sample: Sample) => void) {
    this.#requester = requester;
    this.#onProgress = onProgress;
    this.stalled = this.#stalled.promise;
    this.stalled.catch(() => {});
  }

  begin(): number {
    return this.#movedAt = this.#begun = performance.now();
  }

  add({ rssBytes, models }: WorkerSample): void {
    this.models = models;
    if (this.#begun === undefined) return;
    const now = performance.now();
    const images = this.#requester.answered;
    if (images > (this.samples.at(-1)?.images ?? 0)) this.#movedAt = now;
    if (now - this.#movedAt > STALL_MS) {
      this.#stalled.reject(new Error(`No new result for ${STALL_MS / 1_000} s, after ${images} results`));
    }
    const sample = { atMs: Math.round(now - this.#begun), images, rssBytes };
    this.samples.push(sample);
    this.#onProgress(sample);
  }
}
