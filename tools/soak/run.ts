import { optionsFor } from "../../testing/options_for.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";
import { imagesOf, type TestImage } from "../../testing/images.ts";
import type { BusKind } from "../chaos/schedule.ts";
import { startKafka } from "../../testing/brokers/kafka_broker.ts";
import { Asker } from "./asker.ts";
import { type Growth, judgeGrowth, type Sample } from "./growth.ts";
import type { WorkerSample } from "./worker.ts";
import { WorkerProcess } from "./worker_process.ts";

/** What to run. */
export interface SoakOptions {
  /** On which bus. */
  readonly bus: BusKind;
  /** How many images. */
  readonly messages: number;
  /** The models that are asked, in turn. */
  readonly models: readonly string[];
  /** Where they are, besides the shipped ones. @default {[]} */
  readonly modelsDirs?: readonly string[];
  /** Whether the models leak. */
  readonly leak: boolean;
  /** A Worker that has more memory than this, in MiB, is replaced between batches. */
  readonly maxWorkerMemoryMb: number;
  /** The most that the process may grow after the first sixth, in MiB. */
  readonly maxGrowthMb: number;
  /** Empty; for the bus and the results database. */
  readonly directory: string;
  /** How often its memory is looked at, in milliseconds. @default {1_000} */
  readonly sampleMs?: number;
  /** Told how it goes, with each sample. */
  readonly onProgress?: (sample: Sample) => void;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a run went. */
export interface SoakReport {
  /** On which bus. */
  readonly bus: BusKind;
  /** How many images. */
  readonly messages: number;
  /** How many of them could not be classified. */
  readonly failed: number;
  /** Whether the models leaked. */
  readonly leak: boolean;
  /** From the first image sent to the last result, in milliseconds. */
  readonly tookMs: number;
  /** How memory went; `null` when the run was too short to tell. */
  readonly growth: Growth | null;
  /** The most that it may grow, in MiB. */
  readonly maxGrowthMb: number;
  /** Whether it stayed within that, and every image was classified. */
  readonly passed: boolean;
  /** The models as they were at the end. */
  readonly models: readonly ModelStatus[];
  /** All samples. */
  readonly samples: readonly Sample[];
}

/** What is worked off, and results beyond it, are removed: so the bus itself reaches its steady state. */
const BUS_OPTIONS: ConnectOptions = { sqlite: { maxQueueBytes: 64 * 2 ** 20 } };

/** What all models together keep in the whole of a run that leaks, in bytes: the same for each number of images. */
const LEAK_BYTES = 256 * 2 ** 20;

const STALL_MS = 120_000;

/**
 * Sends many images through one worker process, and watches its memory.
 *
 * @param options What to run.
 * @returns How it went.
 * @throws {KafkaUnavailable} Without Java or Maven, on Kafka.
 * @throws {Error} When the run itself can't go on.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { messages, directory, models, leak, maxGrowthMb } = options;
  await using kafka = options.bus === "kafka" ? await startKafka({ dataDir: `${directory}/kafka` }) : null;
  const url = kafka ? `kafka://${kafka.brokers}` : `sqlite:${directory}/bus.db`;
  await using bus = await connect(url, optionsFor(url, BUS_OPTIONS));
  const asker = await Asker.start(bus, messages);
  const watch = new Watch(asker, options.onProgress ?? (() => {}));
  await using worker = await WorkerProcess.start({
    bus: url,
    busOptions: optionsFor(url, BUS_OPTIONS),
    models,
    modelsDirs: options.modelsDirs ?? [],
    results: `${directory}/results.db`,
    maxWorkerMemoryMb: options.maxWorkerMemoryMb,
    leakBytes: leak ? Math.ceil(LEAK_BYTES / messages) : 0,
    sampleMs: options.sampleMs ?? 1_000,
  }, (sample) => watch.add(sample));
  const begun = watch.begin();
  const interrupted = Promise.withResolvers<never>();
  options.signal?.addEventListener("abort", () => interrupted.reject(options.signal!.reason), { once: true });
  const work = asker.run(messages, models.flatMap(samplesOf));
  await Promise.race([work, worker.failed, watch.stalled, interrupted.promise]);
  const tookMs = performance.now() - begun;
  const growth = judgeGrowth(watch.samples, messages);
  const { failed } = asker;
  const passed = growth !== null && growth.growthBytes <= maxGrowthMb * 2 ** 20 && failed === 0;
  const { samples } = watch;
  const state = { growth, maxGrowthMb, passed, models: watch.models, samples };
  return { bus: options.bus, messages, failed, leak, tookMs, ...state };
}

/** A model of one's own is asked with the images of a shipped one. */
function samplesOf(model: string): TestImage[] {
  try {
    return imagesOf(model);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return imagesOf("mnist").map((image) => ({ ...image, model }));
  }
}

/** Collects samples from the first image on. */
class Watch {
  readonly samples: Sample[] = [];
  models: readonly ModelStatus[] = [];
  /** Rejects when no result has come for too long. */
  readonly stalled: Promise<never>;
  readonly #asker: Asker;
  readonly #onProgress: (sample: Sample) => void;
  readonly #stalled = Promise.withResolvers<never>();
  #begun: number | undefined;
  #movedAt = 0;

  constructor(asker: Asker, onProgress: (sample: Sample) => void) {
    this.#asker = asker;
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
    const images = this.#asker.answered;
    if (images > (this.samples.at(-1)?.images ?? 0)) this.#movedAt = now;
    if (now - this.#movedAt > STALL_MS) {
      this.#stalled.reject(new Error(`No result for ${STALL_MS / 1_000} s: ${images} have come`));
    }
    const sample = { atMs: Math.round(now - this.#begun), images, rssBytes };
    this.samples.push(sample);
    this.#onProgress(sample);
  }
}
