import type { TransportEvent } from "../../../../bus/transport/transport.ts";
import { KafkaSubscription } from "../../../../bus/transport/kafka/consumer/subscription.ts";
import { Delays } from "../../../../bus/transport/kafka/net/delays.ts";
import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { checkKafkaOptions } from "../../../../bus/transport/kafka/options.ts";
import type { Transactions } from "../../../../bus/transport/kafka/transactions/transactions.ts";
import { splitBatches } from "../../../../bus/transport/kafka/wire/batches.ts";
import { ConnectionFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { checkSubscribeOptions } from "../../../../bus/transport/validate.ts";
import { assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { batchOf } from "./batches.ts";

const PLACE = { topic: "t", partition: 0 };

/** A cluster that has one message. */
function oneMessage(): Cluster {
  const range = splitBatches(batchOf(["x"]), PLACE, []);
  let fetches = 0;
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    leader: () => 1,
    closed: new AbortController().signal,
    requestTimeoutMs: 1_000,
    closeConnections: () => {},
    delays: new Delays(() => {}),
    request: () => {
      if (fetches++ > 0) return new Promise(() => {});
      const partitions = [{ partition: 0, errorCode: 0, preferredReplica: -1, ...range }];
      return Promise.resolve({ responses: [{ topicName: "t", partitions }] });
    },
  };
  return cluster as unknown as Cluster;
}

/** A subscription whose transactions fail with an error, and its events. */
function failingWith(error: Error): { subscription: KafkaSubscription; events: TransportEvent[] } {
  const events: TransportEvent[] = [];
  const transactions = { run: () => Promise.reject(error), end: () => {} } as unknown as Transactions;
  const subscription = new KafkaSubscription(oneMessage(), {
    ...checkKafkaOptions({ onEvent: (event) => events.push(event) }),
    ...checkSubscribeOptions({ group: "g", delivery: "exactly-once" }),
    purpose: "test",
    transactions,
    onClosed: () => {},
  });
  subscription.claimAll([{ ...PLACE, offset: 0 }]);
  return { subscription, events };
}

Deno.test("kafka: an error in the program ends the subscription, and is not taken for an open transaction", async () => {
  const bug = new TypeError("Cannot read properties of undefined");
  const { subscription, events } = failingWith(bug);
  const batches = subscription[Symbol.asyncIterator]();
  const { claim } = (await batches.next()).value!;
  assertEquals(await assertRejects(() => subscription.commitWith(claim, 1, []), TypeError), bug);
  assertEquals(await assertRejects(() => batches.next(), TypeError), bug);
  assertEquals(events.map(({ type }) => type), ["claimed"]);
  await subscription.close();
});

Deno.test("kafka: a transaction whose outcome is open loses its claim, with the reason", async () => {
  const { subscription, events } = failingWith(new ConnectionFault("it broke"));
  const batches = subscription[Symbol.asyncIterator]();
  const { claim } = (await batches.next()).value!;
  await subscription.commitWith(claim, 1, []);
  assertEquals(events.at(-1), { type: "lost", ...PLACE, reason: "it broke" });
  await subscription.close();
});
