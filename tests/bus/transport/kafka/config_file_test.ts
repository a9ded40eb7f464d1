import { readKafkaConfig } from "../../../../bus/transport/kafka/config_file.ts";
import { BusError } from "../../../../bus/transport/errors.ts";
import { assertEquals, assertRejects } from "../../../../testing/assert.ts";

Deno.test("kafka: properties of clients become options", async () => {
  const { options } = await readKafkaConfig(
    "enable.idempotence=false\ncompression.type=LZ4\ngroup.instance.id=w-1\nclient.rack=eu-1a",
  );
  assertEquals(options, { idempotence: false, compression: "lz4", groupInstanceId: "w-1", rack: "eu-1a" });
});

Deno.test("kafka: a property that is not what it must be is refused, with what would be right", async () => {
  await assertRejects(() => readKafkaConfig("enable.idempotence=maybe"), BusError, "expected true or false");
});
