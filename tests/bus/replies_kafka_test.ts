import { serve } from "../../actors/serve.ts";
import { Bus } from "../../bus/bus.ts";
import { openTransport } from "../../bus/connect.ts";
import { OwnKafka } from "../../tools/chaos/own_kafka.ts";
import { assertEquals } from "../../testing/assert.ts";
import { BROKERS, NO_KAFKA, NO_OWN_KAFKA, testKafka } from "../../testing/brokers/kafka.ts";
import { SEVEN } from "../../testing/images.ts";
import { testReplies } from "./replies_suite.ts";
import { eventually, within } from "./transport/suite/harness.ts";

testReplies("kafka", () => `kafka://${BROKERS.join(",")}`, NO_KAFKA);

async function isStored(bus: Bus): Promise<boolean> {
  const topics = await bus.transport.topics();
  const asked = topics.find(({ name }) => name === "imagebus.mnist");
  return asked?.partitions.some(({ end }) => end > 0) ?? false;
}

testKafka(
  "classify and result return the result though connections are cut and the broker is killed and restarted",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-replies-" });
    try {
      await using own = await OwnKafka.start(directory, 1);
      await using asker = new Bus(await openTransport(own.url));
      const waiting = asker.classify(SEVEN.png, { model: "mnist", timeoutMs: 180_000 });
      await eventually("the image is stored", () => isStored(asker));
      await own.cut(0, 200);
      await own.restart(0, "kill", 0);
      await using bus = new Bus(await openTransport(own.url, { kafka: { connectTimeoutMs: 60_000 } }));
      await using _service = await serve(bus, { models: ["mnist"] });
      const result = await within(waiting, "the result", 120_000);
      assertEquals(result.status === "classified" && result.label, "7");
      await own.cut(0, 200);
      await using back = new Bus(await openTransport(own.url, { kafka: { connectTimeoutMs: 60_000 } }));
      // The cut may have preceded the acknowledgement: then the image was sent again, and has two results.
      const later = await within(back.result(result.id), "its result, asked for by id", 60_000);
      assertEquals([later.id, later.status === "classified" && later.label], [result.id, "7"]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  NO_OWN_KAFKA,
);
