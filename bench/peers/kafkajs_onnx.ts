/**
 * kafkajs and onnxruntime-node.
 *
 * Usage: kafkajs_onnx.ts BROKERS GROUP TOPIC RESULTS MODEL THREADS
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type EachBatchPayload, Kafka, logLevel } from "npm:kafkajs@2.2.4";
import pngjs from "npm:pngjs@7.0.0";

/** Not in the module graph: it is 200 MB, which only this program needs. */
const ONNX = "npm:onnxruntime-node@1.30.0";

const BATCH = 128;
const PIXELS = 28 * 28;

const [brokers, group, topic, results, path, threads] = Deno.args as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const onnx = await import(ONNX);
const session = await onnx.InferenceSession.create(path, { intraOpNumThreads: Number(threads) });
const kafka = new Kafka({ clientId: "kafkajs", brokers: brokers.split(","), logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true });
const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 10 });

async function labels(images: readonly Buffer[]): Promise<number[]> {
  const pixels = new Float32Array(images.length * PIXELS);
  for (const [i, image] of images.entries()) {
    // RGBA, whatever the file has.
    const { data } = pngjs.PNG.sync.read(image);
    for (let at = 0; at < PIXELS; at++) pixels[i * PIXELS + at] = data[4 * at]! / 255;
  }
  const image = new onnx.Tensor("float32", pixels, [images.length, 1, 28, 28]);
  const logits = (await session.run({ image }))["logits"]!.data as Float32Array;
  return images.map((_, i) => {
    const own = logits.subarray(10 * i, 10 * i + 10);
    return own.indexOf(Math.max(...own));
  });
}

async function eachBatch({ batch: { messages }, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
  for (let at = 0; at < messages.length; at += BATCH) {
    const part = messages.slice(at, at + BATCH);
    const found = await labels(part.map(({ value }) => value!));
    const answers = part.map(({ key }, i) => ({ key, value: JSON.stringify({ index: found[i] }) }));
    await producer.send({ topic: results, messages: answers });
    resolveOffset(part.at(-1)!.offset);
    await heartbeat();
  }
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({ partitionsConsumedConcurrently: 2, autoCommitInterval: 1_000, eachBatch });
