import { BusError } from "../../../../bus/transport/errors.ts";
import { openTransport } from "../../../../bus/connect.ts";
import { COMPARISONS_TOPIC, RESULTS_TOPIC } from "../../../../bus/topics.ts";
import { createMemoryBroker } from "../../../../bus/transport/memory.ts";
import { Changes } from "../../../../bus/transport/sqlite/changes.ts";
import { Database } from "../../../../bus/transport/sqlite/database.ts";
import { checkSqliteOptions } from "../../../../bus/transport/sqlite/options.ts";
import { encodeRecord, recordBytes } from "../../../../bus/transport/sqlite/record.ts";
import { SendQueue } from "../../../../bus/transport/sqlite/send_queue.ts";
import { Store } from "../../../../bus/transport/sqlite/store.ts";
import { SqliteTransport } from "../../../../bus/transport/sqlite/transport.ts";
import type { PartitionInfo, Transport } from "../../../../bus/transport/transport.ts";
import { temporaryDirectory } from "../../../../lib/temporary_directory.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { within } from "../suite/harness.ts";
import { Reader } from "../suite/reader.ts";

const message = { value: new Uint8Array(1_000) };

/** A transport with one partition per topic, swept on request; `imagebus.results` expires. */
class Swept implements AsyncDisposable {
  readonly store: Store;
  readonly transport: Transport;

  constructor(retentionMs: number) {
    const options = checkSqliteOptions({ partitions: 1, retentionMs, expiringTopics: ["imagebus.results"] });
    const database = new Database(":memory:", "normal");
    this.store = new Store(database, new Changes(), options);
    this.transport = new SqliteTransport(this.store, {
      ...options,
      url: "memory:",
      release: () => this.store[Symbol.dispose](),
    });
  }

  /** Sweeps once everything sent so far is in the past. */
  async sweep(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await this.store.retention.sweep(this.store.writer);
  }

  async partition(topic: string, group?: string): Promise<PartitionInfo> {
    return (await this.transport.topics(group)).find(({ name }) => name === topic)!.partitions[0]!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.transport.close();
  }
}

async function commit(transport: Transport, topic: string, group: string, offset: number): Promise<void> {
  await using reader = await Reader.open(transport, [topic], { group });
  await reader.until(1);
  await reader.subscription.commit(new Map([[reader.batches[0]!.claim, offset]]));
}

Deno.test("retention: removes only what is old and committed by every group", async () => {
  await using swept = new Swept(0);
  const { transport } = swept;
  await transport.send("work", Array.from({ length: 1_000 }, () => message));
  await commit(transport, "work", "ahead", 900);
  await commit(transport, "work", "behind", 600);
  await swept.sweep();
  assertEquals(await swept.partition("work", "behind"), {
    partition: 0,
    start: 600,
    end: 1_000,
    committed: 600,
  });
  await using reader = await Reader.open(transport, ["work"]);
  await reader.until(400);
  assertEquals(reader.messages[0]?.offset, 600);
});

Deno.test("retention: keeps what is committed but young", async () => {
  await using swept = new Swept(60_000);
  await swept.transport.send("work", [message]);
  await commit(swept.transport, "work", "group", 1);
  await swept.sweep();
  assertEquals((await swept.partition("work")).start, 0);
});

Deno.test("retention: keeps messages for their first group, whatever their age", async () => {
  await using swept = new Swept(0);
  await swept.transport.send("requests", [message, message]);
  await using reader = await Reader.open(swept.transport, ["requests"]);
  await reader.until(2);
  await swept.sweep();
  assertEquals((await swept.partition("requests")).start, 0);
});

Deno.test("retention: keeps messages for a group that has committed in another partition of the topic", async () => {
  const options = { partitions: 2, expiringTopics: [] };
  await using swept = new Swept(0);
  const { database, log, retention, writer } = swept.store;
  await writer.run(() => log.ensureTopic("work", { partitions: options.partitions, expires: false }));
  await swept.transport.send("work", [message, message, message, message]);
  database.run("INSERT INTO groups (name) VALUES ('group')");
  database.run("INSERT INTO commits SELECT 'group', id, next FROM partitions WHERE number = 0");
  await new Promise((resolve) => setTimeout(resolve, 2));
  await retention.sweep(writer);
  const [topic] = await swept.transport.topics();
  assertEquals(topic?.partitions.map(({ start, end }) => end - start), [0, 2]);
});

Deno.test("retention: removes messages of expiring topics by age alone", async () => {
  await using swept = new Swept(0);
  await swept.transport.send("imagebus.results", [message, message]);
  await swept.sweep();
  assertEquals((await swept.partition("imagebus.results")).start, 2);
  await swept.transport.send("imagebus.results", [message]);
  await using reader = await Reader.open(swept.transport, ["imagebus.results"]);
  await reader.until(1);
  assertEquals(reader.messages[0]?.offset, 2);
});

Deno.test("retention: a full bus refuses messages with the sizes, the option and the topic", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 100_000 });
  await using transport = broker.connect({ partitions: 1 });
  for (let sent = 0; sent < 90; sent++) await transport.send("requests", [message]);
  const sends = () => Promise.all(Array.from({ length: 10 }, () => transport.send("requests", [message])));
  const error = await assertRejects(sends, BusError);
  assertEquals([error.code, error.retriable], ["queue_full", true]);
  for (const part of ["maxQueueBytes", "100000", "requests"]) assertStringIncludes(error.message, part);
});

Deno.test("retention: of sends that share a transaction a full bus refuses those that do not fit, each as a whole", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 10_000 });
  await using transport = broker.connect({ partitions: 1 });
  const send = (count: number) => transport.send("requests", Array.from({ length: count }, () => message));
  const sent = await Promise.allSettled([send(4), send(9), send(4), send(1)]);
  assertEquals(sent.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  const { reason } = sent[1] as PromiseRejectedResult;
  assertStringIncludes(reason.message, `Cannot store ${9 * recordBytes(encodeRecord(message))} bytes`);
  const [topic] = await transport.topics();
  assertEquals(topic!.partitions[0]!.end, 9);
});

Deno.test("retention: a full bus removes what every group has processed, however young, and no more than necessary", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 100_000 });
  await using transport = broker.connect({ partitions: 1 });
  const send = (count: number) => transport.send("work", Array.from({ length: count }, () => message));
  await send(90);
  await commit(transport, "work", "group", 50);
  await send(30);
  const [topic] = await transport.topics();
  const { start, end } = topic!.partitions[0]!;
  assertEquals(end, 120);
  assert(start > 0 && start <= 50, `${start}`);
  await assertRejects(() => send(60), BusError, "maxQueueBytes");
  await commit(transport, "work", "group", 120);
  await send(60);
});

Deno.test("retention: a full bus removes the oldest messages of expiring topics before it refuses others", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 100_000 });
  await using transport = broker.connect({ partitions: 1, expiringTopics: ["results"] });
  const messages = Array.from({ length: 40 }, () => message);
  await transport.send("results", messages);
  await transport.send("requests", messages);
  await transport.send("requests", messages);
  const starts = (await transport.topics()).map(({ name, partitions }) => [name, partitions[0]!.start > 0]);
  assertEquals(starts, [["requests", false], ["results", true]]);
});

Deno.test("retention: empty messages count towards the limit", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 10_000 });
  await using transport = broker.connect();
  const sends = async () => {
    for (let sent = 0; sent < 1_000; sent++) await transport.send("work", [{ value: new Uint8Array() }]);
  };
  assertEquals((await assertRejects(sends, BusError)).code, "queue_full");
});

Deno.test("retention: reading until the end ends if the rest was removed in the meantime", async () => {
  await using swept = new Swept(0);
  const { transport } = swept;
  await transport.send("work", Array.from({ length: 10 }, () => message));
  const subscription = await transport.subscribe(["work"], { until: "end" });
  await commit(transport, "work", "group", 10);
  await swept.sweep();
  const reader = new Reader(subscription);
  await within(reader.ended, "the end of the iteration");
  assertEquals(reader.messages.length, 0);
});

Deno.test("retention: a full bus stores answers to what it has accepted, and refuses others", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 100_000 });
  await using transport = broker.connect({ partitions: 1 });
  for (let sent = 0; sent < 93; sent++) await transport.send("requests", [message]);
  await assertRejects(() => transport.send("requests", [message]), BusError, "maxQueueBytes");
  await assertRejects(() => transport.send("results", [message]), BusError, "maxQueueBytes");
  await transport.send("results", [message], { isAnswer: true });
  await assertRejects(() => transport.send("requests", [message]), BusError, "maxQueueBytes");
});

Deno.test("retention: what does not fit is not overtaken by the rest of its call", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 1_000_000 });
  await using transport = broker.connect({ partitions: 1 });
  await transport.send("requests", [{ value: new Uint8Array(900_000) }]);
  const messages = Array.from(
    { length: 510 },
    (_, i) => ({ key: "k", value: new Uint8Array([i >> 8, i]), headers: { text: "x".repeat(500) } }),
  );
  await assertRejects(() => transport.send("work", messages), BusError, "maxQueueBytes");
  // Behind all that the call has begun.
  await transport.ensureTopics(["work"]);
  const [work] = await transport.topics(undefined, ["work"]);
  assertEquals(work?.partitions[0]?.end, 0);
  await transport.removeBefore("requests", new Map([[0, 1]]));
  await transport.send("work", messages);
});

Deno.test("retention: headers beyond the basic plane leave nothing behind in the size", async () => {
  using broker = createMemoryBroker({ maxQueueBytes: 100_000 });
  await using transport = broker.connect({ partitions: 1 });
  for (let sent = 0; sent < 200; sent++) {
    await transport.send("work", [{
      value: new Uint8Array(10),
      headers: { name: "\u{1f600}".repeat(1_000) },
    }]);
    await transport.removeBefore("work", new Map([[0, sent + 1]]));
  }
});

Deno.test("retention: results and comparisons that no group reads do not fill a bus", async () => {
  await using directory = await temporaryDirectory("retention");
  const mebibyte = 2 ** 20;
  const buses = [
    [`sqlite:${directory.path}/bus.db`, { sqlite: { maxQueueBytes: 4 * mebibyte } }, mebibyte, 8],
    ["memory:", {}, 15 * mebibyte, 18],
  ] as const;
  for (const [url, options, size, count] of buses) {
    for (const topic of [RESULTS_TOPIC, COMPARISONS_TOPIC]) {
      await using transport = await openTransport(url, options);
      for (let sent = 0; sent < count; sent++) await transport.send(topic, [{ value: new Uint8Array(size) }]);
    }
  }
});

Deno.test("send queue: where the disk refuses a part of a send, the rest of it is refused, too", async () => {
  const stored: number[] = [];
  let isRefused = true;
  const store = {
    writer: {
      run: async (work: () => void) => {
        await Promise.resolve();
        if (isRefused) {
          isRefused = false;
          throw new BusError("unavailable", "the disk is full");
        }
        await new Promise((resolve) => setTimeout(resolve));
        work();
      },
    },
    retention: { reserve: () => null },
    log: { append: (_: unknown, records: readonly unknown[]) => void stored.push(records.length) },
  } as unknown as Store;
  const queue = new SendQueue(store, () => null as never);
  const messages = Array.from({ length: 501 }, () => ({ value: new Uint8Array(1) }));
  await assertRejects(() => queue.send("work", messages, {}), BusError, "the disk is full");
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(stored, []);
  await queue.send("work", messages, {});
  assertEquals(stored, [500, 1]);
});
