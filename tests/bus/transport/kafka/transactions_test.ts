import { BusError } from "../../../../bus/transport/errors.ts";
import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { runTransaction, Transaction } from "../../../../bus/transport/kafka/transactions/transaction.ts";
import { TransactionalProducer } from "../../../../bus/transport/kafka/transactions/transactional_producer.ts";
import type { Message, Transport, TransportEvent } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../../../testing/assert.ts";
import { openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { asAdmin, otherClient } from "../../../../testing/brokers/kafkajs.ts";
import { openCluster } from "./batches.ts";
import { eventually, unique, within } from "../suite/harness.ts";
import { bytes, numbered, Reader } from "../suite/reader.ts";

/** Topics of their own, with a transport, and the cluster as another process sees it. */
class Stage implements AsyncDisposable {
  readonly from = unique("from");
  readonly to = unique("to");
  readonly group = unique("group");
  readonly transport: Transport;
  readonly cluster: Cluster;

  private constructor(transport: Transport, cluster: Cluster) {
    this.transport = transport;
    this.cluster = cluster;
  }

  static async set(onEvent: (event: TransportEvent) => void = () => {}): Promise<Stage> {
    const stage = new Stage(await openQuick({ partitions: 1, onEvent }), await openCluster());
    await stage.transport.send(stage.from, numbered(10));
    await stage.transport.ensureTopics([stage.to]);
    stage.cluster.watch([stage.to]);
    await stage.cluster.refresh();
    return stage;
  }

  /** Opens a producer as the owner of the partition does. */
  producer(): Promise<TransactionalProducer> {
    const settings = {
      transactionalId: `imagebus/${this.from}/0/${this.group}`,
      timeoutMs: 10_000,
      group: this.group,
      purpose: unique("purpose"),
      compression: "none",
      ensure: () => Promise.resolve(),
    } as const;
    return this.cluster.attempt("open", () => TransactionalProducer.open(this.cluster, settings));
  }

  copies(texts: readonly string[]) {
    return texts.map((text) => ({ topic: this.to, message: { value: bytes(text) } }));
  }

  position(offset: number) {
    return { topic: this.from, partition: 0, offset };
  }

  async copied(): Promise<string[]> {
    await using reader = await Reader.open(this.transport, [this.to], { until: "end" });
    await within(reader.ended, "the end");
    return reader.texts;
  }

  async committed(): Promise<number | null> {
    const topics = await this.transport.topics(this.group);
    return topics.find(({ name }) => name === this.from)!.partitions[0]!.committed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cluster.close();
    await this.transport.close();
  }
}

const never = new AbortController().signal;

testKafka(
  "the open transaction of a dead worker is not visible, and its messages are processed again",
  async () => {
    await using stage = await Stage.set();
    const { transport, from, group } = stage;
    const dead = new Transaction(await stage.producer(), never);
    await dead.send(stage.copies(["0", "1", "2"]));
    await dead.commitPosition(stage.position(3));
    await using reader = await Reader.open(transport, [from], { group, delivery: "exactly-once" });
    await reader.until(10);
    assertEquals(reader.messages[0]!.offset, 0);
    await reader.subscription.commitWith(reader.batches[0]!.claim, 10, stage.copies(reader.texts));
    assertEquals(await stage.copied(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  },
);

testKafka(
  "a previous owner is fenced at each step of its transaction, and nothing of it is visible",
  async () => {
    await using stage = await Stage.set();
    const [before, half, whole] = [await stage.producer(), stage.copies(["half"]), stage.copies(["whole"])];
    await runTransaction(before, stage.position(1), stage.copies(["before"]), never);
    const open = new Transaction(before, never);
    await open.send(half);
    await open.commitPosition(stage.position(5));
    const owner = await stage.producer();
    await assertRejects(() => open.end(true), BrokerFault);
    await assertRejects(() => new Transaction(before, never).send(whole), BrokerFault);
    const fault = await assertRejects(
      () => runTransaction(before, stage.position(9), whole, never),
      BrokerFault,
    );
    // INVALID_PRODUCER_EPOCH, or PRODUCER_FENCED in newer versions of the protocol.
    assert([47, 90].includes(fault.code), `${fault}`);
    assertEquals([await stage.copied(), await stage.committed()], [["before"], 1]);
    await runTransaction(owner, stage.position(2), stage.copies(["owner"]), never);
    assertEquals([await stage.copied(), await stage.committed()], [["before", "owner"], 2]);
  },
);

testKafka(
  "a claim whose transaction was fenced is lost, and comes back from the committed position",
  async () => {
    const reasons: string[] = [];
    await using stage = await Stage.set((event) => {
      if ("reason" in event) reasons.push(`${event.reason}`);
    });
    const { transport, from, group } = stage;
    await using reader = await Reader.open(transport, [from], { group, delivery: "exactly-once" });
    await reader.until(10);
    const [{ claim }] = reader.batches as [typeof reader.batches[0]];
    await reader.subscription.commitWith(claim, 4, stage.copies(["0", "1", "2", "3"]));
    await stage.producer();
    await reader.subscription.commitWith(claim, 10, stage.copies(["not visible"]));
    assert(claim.lost.aborted);
    assertMatch(reasons.join(), /PRODUCER_(EPOCH|FENCED)|\((47|90)\)/);
    await reader.until(16);
    assertEquals(reader.texts.slice(10), ["4", "5", "6", "7", "8", "9"]);
    const again = reader.batches.at(-1)!.claim;
    await reader.subscription.commitWith(again, 10, stage.copies(reader.texts.slice(10)));
    assertEquals(await stage.copied(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  },
);

testKafka(
  "messages of a transaction are visible once it is committed, never if it is aborted",
  async () => {
    await using stage = await Stage.set();
    const producer = await stage.producer();
    await runTransaction(producer, stage.position(1), stage.copies(["first"]), never);
    await stage.copied();
    const open = new Transaction(producer, never);
    await open.send(stage.copies(["second"]));
    await using waiting = await Reader.open(stage.transport, [stage.to], { from: "end" });
    const all = stage.copied();
    await stage.transport.send(stage.to, [{ value: bytes("behind") }]);
    await open.commitPosition(stage.position(2));
    assertEquals(waiting.texts, []);
    await open.end(true);
    await waiting.until(2);
    assertEquals(waiting.texts, ["second", "behind"]);
    assertEquals((await all).slice(0, 2), ["first", "second"]);
    const aborted = new Transaction(producer, never);
    await aborted.send(stage.copies(["aborted"]));
    await aborted.end(false);
    await runTransaction(producer, stage.position(3), stage.copies(["third"]), never);
    await waiting.until(3);
    assertEquals(waiting.texts, ["second", "behind", "third"]);
    assertEquals(await stage.copied(), ["first", "second", "behind", "third"]);
  },
);

testKafka(
  "another client sees each message once if it reads only what is committed",
  async () => {
    await using stage = await Stage.set();
    const producer = await stage.producer();
    const aborted = new Transaction(producer, never);
    await aborted.send(stage.copies(["one"]));
    await aborted.end(false);
    await runTransaction(producer, stage.position(1), stage.copies(["one", "last"]), never);
    assertEquals(await readElsewhere(stage.to, false), ["one", "last"]);
    assertEquals(await readElsewhere(stage.to, true), ["one", "one", "last"]);
  },
);

async function readElsewhere(topic: string, readUncommitted: boolean): Promise<string[]> {
  const consumer = otherClient().consumer({ groupId: unique("other"), readUncommitted });
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage({ message: { value } }) {
      if (seen.push(`${value}`) > 0 && `${value}` === "last") done.resolve();
      return Promise.resolve();
    },
  });
  await within(done.promise, "the last message at another client");
  await consumer.disconnect();
  return seen;
}

testKafka(
  "a message that is too large for its topic is replaced by its fallback within its transaction",
  async () => {
    await using stage = await Stage.set();
    const small = unique("small");
    const configEntries = [{ name: "max.message.bytes", value: "20000" }];
    await asAdmin((admin) =>
      admin.createTopics({ topics: [{ topic: small, numPartitions: 1, configEntries }] })
    );
    const { transport, from, group } = stage;
    await using reader = await Reader.open(transport, [from], { group, delivery: "exactly-once" });
    await reader.until(10);
    const { claim } = reader.batches[0]!;
    const large = { topic: small, message: { value: new Uint8Array(30_000) } };
    const messages = Array.from({ length: 10 }, (_, index) => ({
      topic: small,
      message: { value: bytes(`${index} ${"x".repeat(8_000)}`) },
    }));
    const error = await assertRejects(
      () => reader.subscription.commitWith(claim, 10, [...stage.copies(["all"]), ...messages, large]),
      BusError,
    );
    assertEquals([error.code, claim.lost.aborted], ["too_large", false]);
    assertEquals([await stage.copied(), await stage.committed()], [[], 0]);
    const fallback = () => ({ value: bytes("fallback") });
    await reader.subscription.commitWith(claim, 10, [...stage.copies(["all"]), ...messages, {
      ...large,
      fallback,
    }]);
    assertEquals([await stage.copied(), await stage.committed()], [["all"], 10]);
    await using all = await Reader.open(transport, [small], { until: "end" });
    await all.ended;
    assertEquals(all.texts.map((text) => text.split(" ")[0]), [..."0123456789", "fallback"]);
  },
);

testKafka(
  "the lag of a group becomes 0 behind the markers of transactions",
  async () => {
    await using stage = await Stage.set();
    const producer = await stage.producer();
    await runTransaction(producer, stage.position(1), stage.copies(["one"]), never);
    await runTransaction(producer, stage.position(2), stage.copies(["two"]), never);
    const [atLeastOnce, exactlyOnce] = [unique("lag"), unique("lag")];
    await using one = await Reader.open(stage.transport, [stage.to], { group: atLeastOnce, commit: true });
    await using two = await Reader.open(stage.transport, [stage.to], {
      group: exactlyOnce,
      delivery: "exactly-once",
    });
    await Promise.all([one.until(2), two.until(2)]);
    await two.subscription.commitWith(two.batches[0]!.claim, endOf(two.messages), []);
    for (const group of [atLeastOnce, exactlyOnce]) {
      await eventually("nothing waits", async () => {
        const topics = await stage.transport.topics(group);
        const { committed, end } = topics.find(({ name }) => name === stage.to)!.partitions[0]!;
        return committed === end;
      });
    }
  },
);

function endOf(messages: readonly Message[]): number {
  return messages.at(-1)!.offset + 1;
}

testKafka(
  "a committed position outside of the log starts at its oldest message, once, with exactly-once delivery",
  async () => {
    await using stage = await Stage.set();
    const { transport, from, group } = stage;
    await asAdmin((admin) =>
      admin.setOffsets({ groupId: group, topic: from, partitions: [{ partition: 0, offset: "1000" }] })
    );
    await using reader = await Reader.open(transport, [from], { group, delivery: "exactly-once" });
    await reader.until(10);
    const { claim } = reader.batches.at(-1)!;
    await reader.subscription.commitWith(claim, 10, stage.copies(reader.texts));
    assert(!claim.lost.aborted, "the claim was lost");
    assertEquals([reader.messages.length, await stage.committed()], [10, 10]);
    assertEquals(await stage.copied(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  },
);
