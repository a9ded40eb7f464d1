import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { ConnectionFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { Partitioner } from "../../../../bus/transport/partitioner.ts";
import { runTransaction, Transaction } from "../../../../bus/transport/kafka/transactions/transaction.ts";
import type { TransactionalProducer } from "../../../../bus/transport/kafka/transactions/transactional_producer.ts";
import { BusError } from "../../../../bus/transport/errors.ts";
import { assertEquals, assertRejects } from "../../../../testing/assert.ts";

const MESSAGE_TOO_LARGE = 10;
const PRODUCER_FENCED = 90;

/** A producer whose brokers answer the batches of a topic with these codes; `null` breaks the connection. */
function answering(answers: Record<string, (number | null)[]>): TransactionalProducer {
  const leaders = Object.keys(answers);
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    partitions: () => 1,
    leader: (topic: string) => leaders.indexOf(topic),
    recover: () => Promise.resolve(),
    request(leader: number, _purpose: string, api: string) {
      if (api !== "Produce") return Promise.resolve({ resources: [] });
      const topicName = leaders[leader]!;
      const errorCode = answers[topicName]!.shift() ?? null;
      if (errorCode === null) return Promise.reject(new ConnectionFault("it broke"));
      return Promise.resolve({ topics: [{ topicName, partitions: [{ partition: 0, errorCode }] }] });
    },
  };
  return {
    cluster,
    settings: { group: "g", purpose: "l", ensure: () => Promise.resolve() },
    identity: { transactionalId: "t", producerId: "1", producerEpoch: 0 },
    partitioner: new Partitioner(),
    sequences: new Map(),
    ask: () => Promise.resolve({ errors: [] }),
    forgetCoordinators: () => {},
  } as unknown as TransactionalProducer;
}

const message = (topic: string) => ({ topic, message: { value: new Uint8Array(10) } });
const never = new AbortController().signal;

Deno.test("kafka: a transaction rejects a batch only once it is known whether the others are stored", async () => {
  const producer = answering({ refused: [MESSAGE_TOO_LARGE], broken: [null, null, 0] });
  const sending = new Transaction(producer, never).send([message("refused"), message("broken")]);
  assertEquals((await assertRejects(() => sending, BusError)).code, "too_large");
  assertEquals(Object.fromEntries(producer.sequences), { "broken 0": 1 });
});

Deno.test("kafka: a fenced transaction is not an error of its caller", async () => {
  const producer = answering({ refused: [MESSAGE_TOO_LARGE], ours: [null, PRODUCER_FENCED] });
  const sending = new Transaction(producer, never).send([message("refused"), message("ours")]);
  const error = await assertRejects(() => sending, Error);
  assertEquals(error instanceof BusError, false);
});

Deno.test("kafka: a transaction whose claim is lost before it has begun is not an error of its caller", async () => {
  const lost = new AbortController();
  const producer = {
    ...answering({ topic: [] }),
    ask() {
      // Losing a claim closes the connections of its producer.
      lost.abort();
      return Promise.reject(new BusError("closed", "The connection to Kafka is closed"));
    },
  } as unknown as TransactionalProducer;
  const position = { topic: "from", partition: 0, offset: 1 };
  await assertRejects(() => runTransaction(producer, position, [message("topic")], lost.signal), BusError);
});
