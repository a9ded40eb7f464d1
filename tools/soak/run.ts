import { optionsFor } from "../../testing/options_for.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";
import { abortable } from "../../lib/abortable.ts";
import type { SettingsOf } from "../../lib/options.ts";
import { imagesOf, type TestImage } from "../../testing/images.ts";
import { startKafka } from "../../testing/brokers/kafka_broker.ts";
import { type Growth, judgeGrowth, type Sample } from "./growth.ts";
import type { SOAK_OPTIONS } from "./options.ts";
import { Requester } from "./requester.ts";
import type { WorkerSample, WorkerSettings } from "./worker.ts";
import { WorkerProcess } from "../worker_process.ts";

/** What to run. */
export interface SoakOptions extends SettingsOf<typeof SOAK_OPTIONS> {
  /** Models that images are sent to, in turn. */
  readonly models: readonly string[];
  /** Directories with more models, besides the shipped ones. @default {[]} */
  readonly modelsDirs?: readonly string[];
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
export interface SoakReport extends Pick<SoakOptions, "bus" | "messages" | "leak" | "maxGrowthMb"> {
  /** Images that could not be classified. */
  readonly failed: number;
  /** From the first image sent to the last result, in milliseconds. */
  readonly tookMs: number;
  /** Growth of memory; `null` if the run was too short to measure it. */
  readonly growth: Growth | null;
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

/**
 * Sends many images through one worker process, and watches its memory.
 *
 * @param options The run.
 * @throws {ServerError} `unavailable` if Kafka is needed, without Java or Maven.
 * @throws {Error} If the run itself cannot continue.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { messages, directory, leak, maxGrowthMb, onProgress, signal = new AbortController().signal } =
    options;
  await using kafka = options.bus === "kafka" ? await startKafka({ dataDir: `${directory}/kafka` }) : null;
  const url = kafka ? `kafka://${kafka.brokers}` : `sqlite:${directory}/bus.db`;
  await using bus = await connect(url, optionsFor(url, BUS_OPTIONS));
  const images = options.models.flatMap(samplesOf);
  const requester = await Requester.start(bus, {
    count: messages,
    image(number) {
      const { png, model } = images[number % images.length]!;
      return { image: png, model };
    },
  });
  const samples: Sample[] = [];
  let [begun, models]: [number | undefined, readonly ModelStatus[]] = [undefined, []];
  const onSample = ({ rssBytes, ...state }: WorkerSample) => {
    models = state.models;
    if (begun === undefined) return;
    const sample = { atMs: Math.round(performance.now() - begun), images: requester.answered, rssBytes };
    samples.push(sample);
    onProgress?.(sample);
  };
  await using worker = new WorkerProcess(WORKER, workerSettings(options, url), onSample);
  await worker.serving;
  begun = performance.now();
  await abortable(Promise.race([requester.run(), worker.failed]), signal);
  signal.throwIfAborted();
  const tookMs = performance.now() - begun;
  const growth = judgeGrowth(samples, messages);
  const { failed } = requester;
  const passed = growth !== null && growth.growthBytes <= maxGrowthMb * 2 ** 20 && failed === 0;
  return {
    ...{ bus: options.bus, messages, failed, leak, tookMs },
    ...{ growth, maxGrowthMb, passed, models, samples },
  };
}

function workerSettings(options: SoakOptions, url: string): WorkerSettings {
  const { models, modelsDirs = [], maxWorkerMemoryMb, leak, messages, directory, sampleMs = 1_000 } = options;
  return {
    bus: url,
    busOptions: optionsFor(url, BUS_OPTIONS),
    serve: { models, modelsDirs, maxWorkerMemoryMb },
    results: `${directory}/results.db`,
    leakBytes: leak ? Math.ceil(LEAK_BYTES / messages) : 0,
    sampleMs,
  };
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
