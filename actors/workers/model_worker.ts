/**
 * The program of a model's Worker. It has no permissions: all it needs comes in messages, and all it can do
 * is compute.
 *
 * @module
 */
import { defined } from "../../lib/defined.ts";
import { type Classifier, createClassifier } from "../../models/classifier.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { toneOf } from "../../models/image/tone.ts";
import { Decoding } from "./decoding.ts";
import { packOutcomes } from "./outcomes.ts";
import { type FromWorker, type Run, type Start, type ToWorker, unpack } from "./protocol.ts";
import { workerMemoryBytes } from "./worker_memory.ts";

interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as Scope;
let classifier: Classifier | undefined;
let decoding: Decoding | undefined;
let comparesTones = false;

async function start({ files, wasm, limits, decoding: memory }: Start): Promise<FromWorker> {
  decoding = new Decoding(memory);
  comparesTones = files.reference?.tone !== undefined;
  classifier = await createClassifier(files, wasm, limits);
  return { type: "ready" };
}

async function run(message: Run): Promise<FromWorker> {
  if (!classifier) throw new Error("Cannot run a batch: no model is loaded; send start first");
  const begun = performance.now();
  const images = unpack(message);
  await loadDecoders(images);
  const { input } = classifier.manifest;
  const tones = comparesTones ? new Float64Array(2 * images.length).fill(NaN) : undefined;
  const outcomes = packOutcomes(classifier.classify(images, {
    begins: (image) => decoding!.image = image,
    ...tones && {
      decoded(image, pixels) {
        const { brightness, contrast } = toneOf(pixels, input);
        tones.set([brightness, contrast], 2 * image);
      },
    },
  }));
  const tookMs = performance.now() - begun;
  return { type: "done", batch: message.batch, outcomes, ...defined({ tones }), tookMs };
}

async function replyTo(message: ToWorker): Promise<FromWorker> {
  try {
    return message.type === "start" ? await start(message) : await run(message);
  } catch (error) {
    return { type: "failed", batch: message.type === "run" ? message.batch : null, reason: String(error) };
  } finally {
    if (decoding) decoding.image = null;
  }
}

/** Batches can come while one waits for a decoder to load. */
let last = Promise.resolve();

scope.onmessage = ({ data }) => {
  last = last.then(async () => {
    const reply = await replyTo(data);
    scope.postMessage({ ...reply, memoryBytes: workerMemoryBytes() });
  });
};
