import type { Buffer } from "node:buffer";
import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { Delays } from "../../../../bus/transport/kafka/net/delays.ts";
import { Producer } from "../../../../bus/transport/kafka/producer/producer.ts";
import { CODE, ConnectionFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { numbered } from "../suite/reader.ts";

/** How a broker answers a batch: with an error code, or not at all. */
type Answer = number | Promise<number> | "lost";

/** The header of a batch: id of the producer, first sequence number, number of records. */
type Seen = readonly [producerId: number, sequence: number, records: number];

function seenIn(batch: Buffer): Seen {
  return [Number(batch.readBigInt64BE(43)), batch.readInt32BE(53), batch.readInt32BE(57)];
}

/** A producer on a broker that has one partition, with these answers; then with success. */
function producerFor(answers: Answer[]): { producer: Producer; seen: Seen[] } {
  const seen: Seen[] = [];
  let ids = 0;
  const produce = async (batch: Buffer) => {
    seen.push(seenIn(batch));
    const answer = await (answers.shift() ?? 0);
    if (answer === "lost") throw new ConnectionFault("it broke");
    return { topics: [{ topicName: "t", partitions: [{ partition: 0, errorCode: answer }] }] };
  };
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    name: "broker",
    partitions: () => 1,
    leader: () => 1,
    closed: new AbortController().signal,
    delays: new Delays(() => {}),
    recover: () => Promise.resolve(),
    // deno-lint-ignore no-explicit-any
    request: (_node: number, _purpose: string, api: string, payload: any) =>
      api === "InitProducerId"
        ? Promise.resolve({ errorCode: 0, producerId: `${++ids}`, producerEpoch: 0 })
        : produce(payload.topicData[0].partitions[0].batch),
  };
  const settings = {
    sendTimeoutMs: 10_000,
    idempotence: true,
    compression: "none",
    ensure: () => Promise.resolve(),
  } as const;
  return { producer: new Producer(cluster as unknown as Cluster, settings), seen };
}

Deno.test("kafka: batches are numbered, and what is sent again keeps its number and its records", async () => {
  const answer = Promise.withResolvers<number>();
  const { producer, seen } = producerFor([0, answer.promise, "lost"]);
  await producer.send("t", numbered(3));
  const sends = [producer.send("t", numbered(2))];
  // Joins the queue while the batch before is on its way, and must not become part of it.
  while (seen.length < 2) await yieldToEventLoop();
  sends.push(producer.send("t", numbered(5)));
  answer.resolve(CODE.LEADER_NOT_AVAILABLE);
  await Promise.all(sends);
  producer.close();
  assertEquals(seen, [[1, 0, 3], [1, 3, 2], [1, 3, 2], [1, 3, 2], [1, 5, 5]]);
});

for (const code of [CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, CODE.UNKNOWN_PRODUCER_ID]) {
  Deno.test(`kafka: a broker that has lost the numbers of a producer (${code}) gets them anew`, async () => {
    const { producer, seen } = producerFor([0, code]);
    await producer.send("t", numbered(1));
    await producer.send("t", numbered(2));
    await producer.send("t", numbered(3));
    producer.close();
    assertEquals(seen, [[1, 0, 1], [1, 1, 2], [2, 0, 2], [2, 2, 3]]);
  });
}

Deno.test("kafka: a batch that was stored already counts as stored", async () => {
  const { producer, seen } = producerFor([CODE.DUPLICATE_SEQUENCE_NUMBER]);
  await producer.send("t", numbered(2));
  await producer.send("t", numbered(1));
  producer.close();
  assertEquals(seen, [[1, 0, 2], [1, 2, 1]]);
});

Deno.test("kafka: after a batch was given up, later ones cannot be taken for it", async () => {
  const [over, answer] = [new AbortController(), Promise.withResolvers<number>()];
  const { producer, seen } = producerFor([answer.promise]);
  const send = producer.send("t", numbered(1), over.signal);
  while (seen.length < 1) await yieldToEventLoop();
  over.abort(new Error("enough"));
  answer.resolve(CODE.LEADER_NOT_AVAILABLE);
  await assertRejects(() => send, Error);
  await producer.send("t", numbered(1));
  producer.close();
  assertEquals(seen, [[1, 0, 1], [2, 0, 1]]);
});
