import { BusError } from "../../../../bus/transport/errors.ts";
import { openKafkaTransport, parseKafkaUrl } from "../../../../bus/transport/kafka/open.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../../../testing/assert.ts";
import { BROKERS, testKafka } from "../../../../testing/brokers/kafka.ts";
import { within } from "../suite/harness.ts";

Deno.test("kafka: a URL lists brokers, with 9092 as default port", () => {
  assertEquals(parseKafkaUrl("kafka://one"), ["one:9092"]);
  assertEquals(parseKafkaUrl("kafka://one:1,two.example:65535/"), ["one:1", "two.example:65535"]);
  assertEquals(parseKafkaUrl("kafka://[::1]:9093,10.0.0.1"), ["[::1]:9093", "10.0.0.1:9092"]);
});

Deno.test("kafka: a URL without valid brokers is refused, without repeating a password", () => {
  for (
    const url of [
      "kafka://",
      "kafka:one",
      "kafka://one,",
      "kafka://one:0",
      "kafka://one:70000",
      "kafka://a b",
    ]
  ) {
    const error = assertThrows(() => parseKafkaUrl(url), BusError);
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, url);
  }
  const secret = assertThrows(() => parseKafkaUrl("kafka://me:secret@one:9092"), BusError);
  assert(!secret.message.includes("secret"), secret.message);
});

Deno.test("kafka: an option outside its range is refused with its name, value and range", async () => {
  const wrong = {
    connectTimeoutMs: 0,
    sendTimeoutMs: NaN,
    sessionTimeoutMs: 10,
    heartbeatMs: 20_000,
    releaseMs: -1,
  };
  for (const [name, value] of Object.entries(wrong)) {
    const error = await assertRejects(() => openKafkaTransport(["127.0.0.1"], { [name]: value }), BusError);
    assertEquals(error.code, "invalid");
    for (const part of [name, `${value}`, " to "]) assertStringIncludes(error.message, part);
  }
  for (const brokers of [[], ["a b"], ["one:port"]]) {
    assertEquals((await assertRejects(() => openKafkaTransport(brokers), BusError)).code, "invalid");
  }
});

Deno.test("kafka: opening fails at once with address and reason if nobody listens", async () => {
  const address = unusedAddress();
  const opening = openKafkaTransport([address]);
  const error = await assertRejects(() => within(opening, "the failure", 5_000), BusError);
  assertEquals(error.code, "unavailable");
  assertEquals(error.message, `Cannot reach Kafka: ${address}: connection refused`);
});

Deno.test("kafka: opening fails after connectTimeoutMs if the listener does not answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opening = openKafkaTransport([`127.0.0.1:${listener.addr.port}`], { connectTimeoutMs: 300 });
  const error = await assertRejects(() => within(opening, "the failure", 5_000), BusError);
  assertEquals(error.code, "unavailable");
  assertStringIncludes(error.message, "did not answer ApiVersions within 300 ms");
});

Deno.test("kafka: opening fails with the address if the listener is a web server", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
  const address = `127.0.0.1:${server.addr.port}`;
  const opening = openKafkaTransport([address], { connectTimeoutMs: 2_000 });
  const error = await assertRejects(() => within(opening, "the failure", 5_000), BusError);
  assertEquals(error.code, "unavailable");
  assertStringIncludes(error.message, address);
});

testKafka("opens with one reachable broker of the list", async () => {
  await using transport = await openKafkaTransport([unusedAddress(), ...BROKERS]);
  await transport.topics();
});

function unusedAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}
