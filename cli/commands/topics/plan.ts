import { type Classifier, createClassifier } from "../../../models/classifier.ts";
import { encodePng } from "../../../models/image/encode_png.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { readIfExists } from "../../../models/read_url.ts";
import { listModels, loadModels } from "../../../models/registry.ts";
import { sampleFile } from "../../../models/samples.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { UsageError } from "../../command.ts";
import { modelSearch } from "../../models_directory.ts";
import { bold, columns, logError, print } from "../../ui/terminal.ts";
import type { TopicsArguments } from "./options.ts";

/** What a topic needs. */
export interface TopicPlan {
  /** Worker threads that are busy at the given rate. */
  readonly workers: number;
  /** Partitions of the topic. */
  readonly partitions: number;
  /** Bytes per second at that rate. */
  readonly bytesPerSecond: number;
  /** Disk of all brokers, in bytes, if that rate lasts. */
  readonly diskBytes: number;
  /** Messages that may wait per process of one Worker, for an autoscaler. */
  readonly lagThreshold: number;
}

/** What a topic is for. */
export interface TopicLoad {
  /** Images per second. */
  readonly rate: number;
  /** Mean size of an image. */
  readonly bytes: number;
  /** Images per second of one Worker. */
  readonly speed: number;
  /** How long an image may wait, in milliseconds. */
  readonly waitMs: number;
  /** How long the bus keeps an image, in milliseconds. */
  readonly retentionMs: number;
  /** Replicas of each partition. */
  readonly replicas: number;
}

/** A partition carries this much without trouble. */
const BYTES_PER_PARTITION = 10_000_000;
/** The number cannot be lowered, and raising it breaks the order by key: so twice as many as are needed. */
const RESERVE = 2;
const SIZES = [12, 24, 48, 96, 192, 384];

/** Sizes a topic. */
export function planTopic({ rate, bytes, speed, waitMs, retentionMs, replicas }: TopicLoad): TopicPlan {
  const workers = Math.ceil(rate / speed);
  const bytesPerSecond = rate * bytes;
  const needed = RESERVE * Math.max(workers, Math.ceil(bytesPerSecond / BYTES_PER_PARTITION));
  return {
    workers,
    partitions: SIZES.find((size) => size >= needed) ?? Math.ceil(needed / 384) * 384,
    bytesPerSecond,
    diskBytes: bytesPerSecond * retentionMs / 1_000 * replicas,
    lagThreshold: Math.max(1, Math.round(speed * waitMs / 1_000)),
  };
}

/** Plans a topic from the speed that is measured here. */
export async function plan(args: TopicsArguments): Promise<number> {
  const { rate, model, json, ...values } = args.values;
  if (rate === undefined) throw new UsageError("Cannot plan: expected --rate N, the images per second");
  const search = { names: [model], ...await modelSearch(args) };
  const [[entry], [files]] = await Promise.all([listModels(search), loadModels(search)]);
  using classifier = await createClassifier(files!, await loadWasmBinary());
  const speed = measure(classifier, await samplesOf(entry!.folder, files!.manifest));
  const planned = planTopic({ ...values, rate, speed });
  if (json) {
    print(JSON.stringify({ model, rate, speed, ...planned }));
    return 0;
  }
  const { workers, partitions, bytesPerSecond, diskBytes, lagThreshold } = planned;
  print(columns([
    ["images/s of one Worker here", String(Math.round(speed))],
    ["Workers, that is threads, of all processes", String(workers)],
    ["partitions of imagebus." + model, bold(String(partitions))],
    ["MB/s", (bytesPerSecond / 1e6).toFixed(1)],
    ["disk of all brokers", `${(diskBytes / 1e9).toFixed(0)} GB`],
    ["lagThreshold of KEDA, one Worker per process", String(lagThreshold)],
  ]));
  logError(
    "The speed is that of images of the model's own size, on one thread; deno task bench measures whole services",
  );
  return 0;
}

const BATCH = 64;
const WARM_UP = 10;
const MEASURE_MS = 1_000;
const MAX_SAMPLE_BYTES = 2 ** 20;

/** Its sample images; for a model without any, grey ones. */
async function samplesOf(folder: URL, { labels, input }: Manifest): Promise<Uint8Array[]> {
  const files = labels.slice(0, BATCH).map((label, i) => new URL(sampleFile(i, label), folder));
  const found = await Promise.all(files.map((file) => readIfExists(file, MAX_SAMPLE_BYTES)));
  const images = found.filter((image) => image !== undefined);
  const { width, height, channels } = input;
  if (images.length > 0) return images;
  return [encodePng({ width, height, channels, data: new Uint8Array(width * height * channels).fill(128) })];
}

/** Images per second on one thread. */
function measure(classifier: Classifier, samples: readonly Uint8Array[]): number {
  const images = Array.from({ length: BATCH }, (_, i) => samples[i % samples.length]!);
  for (let i = 0; i < WARM_UP; i++) classifier.classify(images);
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < MEASURE_MS) count += classifier.classify(images).length;
  return count / (performance.now() - begun) * 1_000;
}
