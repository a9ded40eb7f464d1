/** What takes a broker with settings of its own, or a view of the requests: one broker for all of it. */
import { Kafka, logLevel } from "npm:kafkajs@2.2.4";
import { encodeDeadLetter } from "../../../../bus/dead_letter.ts";
import { encodeResult } from "../../../../bus/envelope.ts";
import { BusError } from "../../../../bus/transport/errors.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { EventLog } from "../../../fixtures/event_log.ts";
import { ProxiedKafka } from "../../../fixtures/proxied_kafka.ts";
import { eventually, unique } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

const PRODUCE = 0;
/** Quotas are measured over the last second or two. */
const CONFIG = { "quota.window.num": 2, "group.max.size": 1, "log.cleanup.policy": "compact" };
const [SENT_PER_S, READ_PER_S] = [300_000, 600_000];

async function setQuotas({ broker }: ProxiedKafka, clientId: string): Promise<void> {
  const quotas = `producer_byte_rate=${SENT_PER_S},consumer_byte_rate=${READ_PER_S}`;
  const client = ["--entity-type", "clients", "--entity-name", clientId];
  await broker.run("kafka.admin.ConfigCommand", "--alter", "--add-config", quotas, ...client);
}

async function throttling(kafka: ProxiedKafka): Promise<void> {
  const [topic, clientId] = [unique("throttled"), "slow"];
  await setQuotas(kafka, clientId);
  const events = new EventLog();
  // The quota demands a longer wait than a request may take.
  const options = { clientId, onEvent: events.add, partitions: 1, sendTimeoutMs: 3_000 };
  await using transport = await openKafkaTransport(kafka.brokers, options);
  await transport.ensureTopics([topic]);
  const before = kafka.proxy.requests(PRODUCE);
  const sizes = [900_000, 1, 150_000, 150_000, 150_000, 150_000, 1];
  const started = performance.now();
  for (const size of sizes) await transport.send(topic, [{ value: new Uint8Array(size) }]);
  const sentMs = performance.now() - started;
  assertEquals(kafka.proxy.requests(PRODUCE) - before, sizes.length, "requests");
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await reader.ended;
  const readMs = performance.now() - started - sentMs;
  assertEquals(reader.messages.map(({ value }) => value.length), sizes);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  for (const [quota, ms] of [[SENT_PER_S, sentMs], [READ_PER_S, readMs]] as const) {
    const share = bytes / ms * 1_000 / quota;
    assert(share > 0.5 && share < 1.7, `${Math.round(share * 100)} % of the quota of ${quota}`);
  }
  assert(events.find("delayed", `Produce at ${kafka.brokers}`));
  assert(!events.find("disconnected"));
}

async function refusedMember({ brokers }: ProxiedKafka): Promise<void> {
  const [topic, group] = [unique("full"), unique("group")];
  await using first = await openKafkaTransport(brokers, QUICK);
  await using reader = await Reader.open(first, [topic], { group });
  await eventually("the first member has its partitions", async () => {
    await first.send(topic, numbered(1));
    return reader.messages.length > 0;
  });
  const events = new EventLog();
  await using second = await openKafkaTransport(brokers, { ...QUICK, onEvent: events.add });
  await using _late = await Reader.open(second, [topic], { group });
  const what = `The group "${group}"`;
  const { reason } = await events.until("delayed", what) as { reason: string };
  assertStringIncludes(reason, "GROUP_MAX_SIZE_REACHED");
  await reader.subscription.close();
  await events.until("recovered", what);
}

/** The broker compacts topics by default. */
async function compacted(kafka: ProxiedKafka): Promise<void> {
  await using transport = await openKafkaTransport(kafka.brokers, QUICK);
  const ours = unique("ours");
  await transport.send(ours, numbered(1));
  await using reader = await Reader.open(transport, [ours], { group: unique("group") });
  await reader.until(1);

  const theirs = unique("theirs");
  const client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: theirs, numPartitions: 1 }] });
  await admin.disconnect();
  const refused = await assertRejects(() => transport.subscribe([ours, theirs], { group: "g" }), BusError);
  assertEquals(refused.code, "invalid");
  assertStringIncludes(refused.message, `"${theirs}" in a group: its cleanup.policy is compact`);
  const keyless = await assertRejects(() => transport.send(theirs, numbered(1)), BusError);
  assertStringIncludes(keyless.message, "only messages with a key");

  const request = { ...reader.messages[0]!, key: null };
  const failure = { status: "failed", id: "1", model: "m", waitedMs: 0, tookMs: 0 } as const;
  const result = { ...failure, at: new Date().toISOString(), error: { code: "c", message: "m" } };
  await transport.send(theirs, [encodeResult(result, { id: "1", key: null })]);
  await transport.send(theirs, [encodeDeadLetter(request, result)]);
}

/** What is stored when the connection breaks after each batch, before its answer. */
async function storedInSpiteOf(kafka: ProxiedKafka, idempotence: boolean): Promise<string[]> {
  const topic = unique("lost");
  await using transport = await openKafkaTransport(kafka.brokers, { partitions: 1, idempotence });
  await transport.send(topic, numbered(1, "first "));
  kafka.proxy.loseAnswers(PRODUCE, 3);
  await Promise.all([0, 1, 2].map((call) => transport.send(topic, numbered(2, `${call} `))));
  assertEquals(kafka.proxy.toLose(PRODUCE), 0);
  await transport.send(topic, numbered(1, "last "));
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await reader.ended;
  return reader.texts;
}

async function lostAnswers(kafka: ProxiedKafka): Promise<void> {
  const once = ["first 0", "0 0", "0 1", "1 0", "1 1", "2 0", "2 1", "last 0"];
  assertEquals(await storedInSpiteOf(kafka, true), once);
  const repeated = await storedInSpiteOf(kafka, false);
  assert(repeated.length > once.length, `without idempotence: ${repeated}`);
}

testKafka("a broker behind a proxy", async (test) => {
  await using kafka = await ProxiedKafka.start(CONFIG);
  await test.step("a client waits as its quotas demand, and reports it", () => throttling(kafka));
  await test.step("a member that a group refuses for long is reported, and when it was accepted", () =>
    refusedMember(kafka));
  await test.step("topics are not compacted by the broker's default, and those that are get keys", () =>
    compacted(kafka));
  await test.step("what is sent again after a lost answer is stored once, in order", () =>
    lostAnswers(kafka));
}, NO_OWN_KAFKA);
