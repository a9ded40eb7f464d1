/**
 * The program of a model's Worker. It has no permissions: all it needs comes in messages, and all it can do
 * is compute.
 *
 * @module
 */
import { type Classifier, createClassifier } from "../../models/classifier.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { Decoding } from "./decoding.ts";
import { type FromWorker, type Run, type Start, type ToWorker, unpack } from "./protocol.ts";
import { workerMemoryBytes } from "./worker_memory.ts";

interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as Scope;
let classifier: Classifier | undefined;
let decoding: Decoding | undefined;

async function start({ files, wasm, limits, decoding: memory }: Start): Promise<FromWorker> {
  decoding = new Decoding(memory);
  classifier = await createClassifier(files, wasm, limits);
  return { type: "ready" };
}

async function run(message: Run): Promise<FromWorker> {
  if (!classifier) throw new Error("Cannot run a batch: no model is loaded; send start first");
  const begun = performance.now();
  const images = unpack(message);
  await loadDecoders(images);
  const outcomes = classifier.classify(images, (image) => decoding!.image = image);
  return { type: "done", batch: message.batch, outcomes, tookMs: performance.now() - begun };
}

async function replyTo(message: ToWorker): Promise<FromWorker> {
  try {
    return message.type === "start" ? await start(message) : await run(message);
  } catch (error) {
    return { type: "failed", batch: message.type === "run" ? message.batch : null, reason: String(error) };
  }
}

scope.onmessage = async ({ data }) => {
  const reply = await replyTo(data);
  scope.postMessage({ ...reply, memoryBytes: workerMemoryBytes() });
};
