/**
 * Producers that nobody here wrote, on a real Kafka: whatever their client, form of the value and codec, the image is
 * classified.
 *
 * @module
 */
import { openTransport } from "../../bus/connect.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { assertEquals } from "../../testing/assert.ts";
import { BROKERS, testKafka } from "../../testing/brokers/kafka.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { pythonEnvironment, runPython } from "../fixtures/python_environment.ts";

const SEVEN = new URL("../../models/mnist/samples/7-7.png", import.meta.url);
const TOPIC = "imagebus.mnist";
const PACKAGES = [
  "kafka-python==3.0.12",
  "confluent-kafka==2.16.1",
  "cloudevents==2.2.0",
  "lz4==4.4.5",
  "python-snappy==0.7.3",
  "zstandard==0.25.0",
];

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

function testProducer(name: string, fn: () => Promise<void>): void {
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

testProducer("Python clients with each form of the value and each codec", async () => {
  const environment = await pythonEnvironment(PACKAGES);
  if ("missing" in environment) return console.error(`skipped: ${environment.missing}`);
  const script = new URL("producers.py", import.meta.url);
  const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
  const forms = [
    "image",
    "base64",
    "lines",
    "data-uri",
    "json-string",
    "connect-schema",
    "binary-event",
    "structured-event",
  ];
  const keys = ["kafka-python", "confluent-kafka"].flatMap((client) =>
    forms.flatMap((form) => codecs.map((codec) => `${client}/${form}/${codec}`))
  );
  const args = [BROKERS.join(","), TOPIC, SEVEN.pathname];
  const labels = await labelsOf(keys, () => runPython(environment.python, script, args));
  assertEquals(keys.filter((key) => labels.get(key) !== "7").map((key) => `${key}: ${labels.get(key)}`), []);
});

const KCAT = await hasKcat();

testProducer(`kcat, a bare PNG${KCAT ? "" : " (skipped: kcat is not installed)"}`, async () => {
  if (!KCAT) return;
  const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
  const labels = await labelsOf(codecs.map((codec) => `kcat/${codec}`), async () => {
    for (const codec of codecs) {
      const args = ["-P", "-b", BROKERS.join(","), "-t", TOPIC, "-z", codec, "-k", `kcat/${codec}`];
      const { success, stderr } = await new Deno.Command("kcat", { args: [...args, SEVEN.pathname] })
        .output();
      assertEquals(success, true, new TextDecoder().decode(stderr));
    }
  });
  assertEquals([...labels.values()], codecs.map(() => "7"));
});

async function hasKcat(): Promise<boolean> {
  try {
    return (await new Deno.Command("kcat", { args: ["-V"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
