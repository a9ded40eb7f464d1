import { createMemoryBroker, type MemoryBroker } from "../../../bus/transport/memory.ts";
import type { Transport, TransportOptions } from "../../../bus/transport/transport.ts";
import { consume } from "../../fixtures/consumer.ts";
import { type Consumer, type ConsumerSpec, type Harness, testTransport } from "./suite.ts";
import type { Received } from "./suite/harness.ts";
import { within } from "./suite/harness.ts";

const TIMES = { sessionTimeoutMs: 3_000, heartbeatMs: 300 };

class MemoryHarness implements Harness {
  readonly #broker: MemoryBroker = createMemoryBroker();
  readonly #opened: Transport[] = [];

  // deno-lint-ignore require-await -- invalid options are a rejection, as with the others
  async open(options: TransportOptions = {}): Promise<Transport> {
    const transport = this.#broker.connect({ ...TIMES, ...options });
    this.#opened.push(transport);
    return transport;
  }

  async start(spec: ConsumerSpec): Promise<Consumer> {
    const transport = this.#broker.connect(TIMES);
    const consumer = new AbandonedConsumer(() => this.#broker.abandon(transport));
    await consumer.start(transport, spec);
    return consumer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((transport) => transport.close()));
    this.#broker[Symbol.dispose]();
  }
}

/** A consumer in this process, whose connection can be abandoned. */
class AbandonedConsumer implements Consumer {
  readonly received: Received[] = [];
  readonly #abandon: () => void;
  #consumer: Awaited<ReturnType<typeof consume>> | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(abandon: () => void) {
    this.#abandon = abandon;
  }

  async start(transport: Transport, spec: ConsumerSpec): Promise<void> {
    this.#consumer = await consume(transport, spec, (received) => {
      this.received.push(...received);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    this.#consumer.done.catch(() => {});
  }

  async until(count: number): Promise<void> {
    const wait = async () => {
      while (this.received.length < count) await this.#arrived.promise;
    };
    await within(wait(), `${count} messages; ${this.received.length} came`);
  }

  commit(): Promise<number> {
    return this.#consumer!.commit();
  }

  resume(): Promise<void> {
    return Promise.resolve(this.#consumer!.resume());
  }

  memory(): Promise<number> {
    throw new Error("Cannot measure a consumer in this process: it has no memory of its own");
  }

  freeze(): void {
    throw new Error("Cannot suspend a consumer in this process");
  }

  thaw(): void {}

  kill(): Promise<void> {
    return Promise.resolve(this.#abandon());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

testTransport({
  name: "memory",
  create: () => Promise.resolve(new MemoryHarness()),
  skip: [
    {
      reason: "it has no process of its own to suspend",
      cases: [
        "a process that was suspended for longer than its session loses its claims and commits nothing",
        "exactly once: a process that was suspended for too long stores nothing when it wakes",
      ],
    },
    {
      reason: "all messages are in the memory that would be measured",
      cases: [
        "an iterator that is not advanced buffers a bounded number of bytes, keeps its claims, and continues",
      ],
    },
  ],
});
