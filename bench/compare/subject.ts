import { encodeRequest } from "../../bus/envelope.ts";
import { requestTopic } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import type { ModelFiles } from "../../models/classifier.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { parameterCount, shapeLayers, size } from "../../models/layers/layers.ts";
import { parseManifest } from "../../models/manifest.ts";
import { sha256Hex } from "../../models/registry.ts";
import { findTestData } from "../../testing/data.ts";
import { imagesOf } from "../../testing/images.ts";
import { imageAt } from "../../training/datasets/data_set.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { LEGACY } from "../../training/recipes/legacy.ts";

const BATCH = 1_000;
const INPUT = { width: 28, height: 28, channels: 1, mean: [0], std: [1] } as const;

/**
 * The network of the legacy system; its weights are random: the work is that of trained ones.
 *
 * @param name Of the model.
 */
export async function legacyModel(name = LEGACY.name): Promise<ModelFiles> {
  const weights = new Uint8Array(randomWeights().buffer);
  const manifest = {
    format: 1,
    name,
    version: LEGACY.version,
    description: LEGACY.description,
    labels: Array.from({ length: 10 }, (_, i) => `${i}`),
    input: INPUT,
    layers: LEGACY.layers,
    weights: {
      file: "weights.bin",
      dtype: "float32",
      bytes: weights.length,
      sha256: await sha256Hex(weights),
    },
  };
  return { manifest: parseManifest(manifest, name), weights };
}

/** Of a size that keeps the outputs of each layer about as large as its inputs. */
function randomWeights(): Float32Array<ArrayBuffer> {
  const shaped = shapeLayers(INPUT, LEGACY.layers, LEGACY.name);
  const weights = new Float32Array(parameterCount(shaped));
  const random = generator(1);
  let at = 0;
  for (const { tensors: [kernel, bias] } of shaped) {
    if (!kernel) continue;
    const range = Math.sqrt(24 / size(kernel.slice(0, -1)));
    for (const end = at + size(kernel); at < end; at++) weights[at] = (random() - 0.5) * range;
    at += size(bias!);
  }
  return weights;
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function generator(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** The test images of MNIST as PNGs; where the data set is missing, ten of them. */
export async function mnistImages(): Promise<Uint8Array[]> {
  const directory = await findTestData();
  if (directory === undefined) return imagesOf("mnist").map(({ png }) => png);
  const data = await readDataSet("mnist", "test", directory);
  const { width, height, channels } = data;
  return Array.from(
    { length: data.count },
    (_, i) => encodePng({ width, height, channels, data: imageAt(data, i) }),
  );
}

/**
 * Sends images to a model, in batches.
 *
 * @param transport The bus.
 * @param model Name of the model.
 * @param images Sent in turn.
 * @param count How many; their ids are the model and a number.
 */
export async function fill(
  transport: Transport,
  model: string,
  images: readonly Uint8Array[],
  count: number,
): Promise<void> {
  const topic = requestTopic(model);
  await transport.ensureTopics([topic]);
  for (let at = 0; at < count; at += BATCH) {
    const indices = Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => at + i);
    const messages = indices.map((index) => {
      const [id, image] = [`${model}-${index}`, images[index % images.length]!];
      return encodeRequest({ id, key: id, model, image }, "image/png");
    });
    await transport.send(topic, messages);
  }
}
