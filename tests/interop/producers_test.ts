/**
 * Producers that nobody here wrote, on a real Kafka: whatever their client, form of the value and codec, the image is
 * classified.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { CloudEvent, Kafka as EventMessages, type KafkaMessage } from "npm:cloudevents@10.0.0";
import { CompressionTypes, Partitioners } from "npm:kafkajs@2.2.4";
import { assertEquals } from "../../testing/assert.ts";
import { BROKERS } from "../../testing/brokers/kafka.ts";
import { otherClient } from "../../testing/brokers/kafkajs.ts";
import { installJars, userCache } from "../../testing/brokers/maven.ts";
import { pythonEnvironment, runPython } from "../../testing/python_environment.ts";
import { CODECS, expectSevens, SEVEN, testProducer, TOPIC } from "./sevens.ts";

const PACKAGES = [
  "kafka-python==3.0.12",
  "confluent-kafka==2.16.1",
  "cloudevents==2.2.0",
  "lz4==4.4.5",
  "python-snappy==0.7.3",
  "zstandard==0.25.0",
];

/** A change of them needs another directory. */
const JARS = [
  "org.apache.kafka:kafka-clients:4.1.0",
  "io.cloudevents:cloudevents-kafka:4.0.1",
  "io.cloudevents:cloudevents-json-jackson:4.0.1",
  "org.slf4j:slf4j-nop:1.7.36",
];

/** Of the programs that produce. */
const ARGS = [BROKERS.join(","), TOPIC, SEVEN.pathname];

testProducer("Python clients with each form of the value and each codec", async () => {
  const environment = await pythonEnvironment(PACKAGES);
  if ("missing" in environment) return console.error(`skipped: ${environment.missing}`);
  const script = new URL("producers.py", import.meta.url);
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
    forms.flatMap((form) => CODECS.map((codec) => `${client}/${form}/${codec}`))
  );
  await expectSevens(keys, () => runPython(environment.python, script, ARGS));
});

testProducer("Java's client, and its CloudEvents SDK, with each codec", async () => {
  const jars = await installJars(`${userCache()}/java-producers-1`, JARS);
  const keys = ["image", "binary-event", "structured-event"].flatMap((form) =>
    CODECS.map((codec) => `java/${form}/${codec}`)
  );
  const script = new URL("Producers.java", import.meta.url).pathname;
  await expectSevens(keys, async () => {
    const { success, stderr } = await new Deno.Command("java", {
      args: ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", `${jars}/*`, script, ...ARGS],
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
  });
});

testProducer("kafkajs, and the CloudEvents SDK for JavaScript", async () => {
  const value = Buffer.from(await Deno.readFile(SEVEN));
  const event = new CloudEvent({
    id: "javascript",
    type: "imagebus.classify",
    source: "/interop",
    datacontenttype: "image/png",
    data: value,
  });
  const forms = {
    "image": { value },
    "base64": { value: value.toString("base64") },
    "binary-event": messageOf(EventMessages.binary(event)),
    "structured-event": messageOf(EventMessages.structured(event)),
  };
  const messages = Object.entries(forms).map(([form, message]) => ({ key: `kafkajs/${form}`, ...message }));
  await expectSevens(messages.map(({ key }) => key), async () => {
    const producer = otherClient().producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: TOPIC, compression: CompressionTypes.GZIP, messages });
    await producer.disconnect();
  });
});

/** A message of the SDK as one of kafkajs, which takes no absent headers. */
function messageOf(
  { value, headers }: KafkaMessage<unknown>,
): { value: Buffer; headers: Record<string, string> } {
  const given = Object.entries(headers).filter(([, text]) => text !== undefined);
  return {
    value: Buffer.from(value as string | Uint8Array),
    headers: Object.fromEntries(given) as Record<string, string>,
  };
}

const KCAT = await hasKcat();

testProducer(`kcat, a bare PNG${KCAT ? "" : " (skipped: kcat is not installed)"}`, async () => {
  if (!KCAT) return;
  await expectSevens(CODECS.map((codec) => `kcat/${codec}`), async () => {
    for (const codec of CODECS) {
      const args = ["-P", "-b", BROKERS.join(","), "-t", TOPIC, "-z", codec, "-k", `kcat/${codec}`];
      const { success, stderr } = await new Deno.Command("kcat", { args: [...args, SEVEN.pathname] })
        .output();
      assertEquals(success, true, new TextDecoder().decode(stderr));
    }
  });
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
