/**
 * Whether what producers send is classified.
 *
 * @module
 */
import { openTransport } from "../../bus/connect.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { assertEquals } from "../../testing/assert.ts";
import { BROKERS, testKafka } from "../../testing/brokers/kafka.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";

/** An image of a seven. */
export const SEVEN = new URL("../../models/mnist/samples/7-7.png", import.meta.url);
/** Where it is sent to. */
export const TOPIC = "imagebus.mnist";
/** The codecs of Kafka. */
export const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** The labels of results by the key of their request, once each of the keys has one. */
async function labelsOf(
  keys: readonly string[],
  produce: () => Promise<unknown>,
): Promise<Map<string, string>> {
  await using transport = await openTransport(`kafka://${BROKERS}`);
  await using results = await transport.subscribe([RESULTS_TOPIC], { from: "end" });
  await produce();
  const missing = new Set(keys);
  const labels = new Map<string, string>();
  const late = setTimeout(() => void results.close(), 60_000);
  for await (const { messages } of results) {
    for (const message of messages) {
      const [key, result] = [String(message.key), decodeResult(message)];
      if (!missing.delete(key) || result === null) continue;
      labels.set(key, result.status === "classified" ? result.label : result.error.message);
    }
    if (missing.size === 0) break;
  }
  clearTimeout(late);
  return labels;
}

/** Registers a test in which a worker serves the model. */
export function testProducer(name: string, fn: () => Promise<void>): void {
  testKafka(`interop: ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    {
      await using _worker = await WorkerProcess.start({
        bus: `kafka://${BROKERS}`,
        directory,
        args: ["--models", "mnist", "--quiet"],
      });
      await fn();
    }
    await Deno.remove(directory, { recursive: true });
  });
}

/** Sends, and expects that each image is classified as a seven. */
export async function expectSevens(keys: readonly string[], produce: () => Promise<unknown>): Promise<void> {
  const labels = await labelsOf(keys, produce);
  assertEquals(keys.filter((key) => labels.get(key) !== "7").map((key) => `${key}: ${labels.get(key)}`), []);
}
