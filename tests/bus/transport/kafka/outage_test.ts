import { BusError } from "../../../../bus/transport/errors.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import type { Transport, TransportEvent } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { Phoenix } from "../../../fixtures/phoenix.ts";
import { eventually, unique, within } from "../suite/harness.ts";
import { bytes, Reader } from "../suite/reader.ts";

/** Sends concurrently until stopped. */
class Load {
  readonly stored: string[] = [];
  #sent = 0;
  #isStopped = false;
  readonly #senders: Promise<void>[];

  constructor(transport: Transport, topic: string) {
    this.#senders = Array.from({ length: 8 }, () => this.#run(transport, topic));
  }

  async #run(transport: Transport, topic: string): Promise<void> {
    while (!this.#isStopped) {
      const text = `${this.#sent++}`;
      await transport.send(topic, [{ value: bytes(text) }]);
      this.stored.push(text);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async until(stored: number): Promise<void> {
    await eventually(`${stored} are stored`, () => Promise.resolve(this.stored.length >= stored));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await within(Promise.all(this.#senders), "the last sends");
  }
}

testKafka("nothing is lost if the broker is killed and restarted under load", async () => {
  await using phoenix = await Phoenix.start();
  const events: string[] = [];
  const onEvent = ({ type }: TransportEvent) => events.push(type);
  const states = () => events.filter((type) => type.endsWith("connected"));
  await using transport = await openKafkaTransport(phoenix.brokers, { ...QUICK, onEvent });
  const [topic, group] = [unique("outage"), unique("group")];
  await using grouped = await Reader.open(transport, [topic], { group, commit: true });
  await using alone = await Reader.open(transport, [topic]);
  const load = new Load(transport, topic);
  await load.until(500);
  await phoenix.kill();
  await eventually("the loss is reported", () => Promise.resolve(states().length === 2));
  await phoenix.restart();
  await load.until(load.stored.length + 500);
  await load.stop();
  for (const reader of [grouped, alone]) {
    const missing = () => new Set(load.stored).difference(new Set(reader.texts));
    await reader.until(() => missing().size === 0);
  }
  assertEquals(states(), ["connected", "disconnected", "connected"]);
}, NO_OWN_KAFKA);

testKafka("send fails in time, and close does not wait, while the broker is unavailable", async () => {
  await using phoenix = await Phoenix.start();
  const transport = await openKafkaTransport(phoenix.brokers, { ...QUICK, sendTimeoutMs: 1_000 });
  const topic = unique("away");
  await transport.send(topic, [{ value: bytes("before") }]);
  const reader = await Reader.open(transport, [topic], { group: unique("group") });
  await reader.until(1);
  await phoenix.kill();
  const error = await assertRejects(
    () => within(transport.send(topic, [{ value: bytes("lost") }]), "the failure of a send", 5_000),
    BusError,
  );
  assertEquals([error.code, error.retriable], ["unavailable", true]);
  for (const part of [phoenix.brokers[0]!, "1000 ms", "connection refused"]) {
    assertStringIncludes(error.message, part);
  }
  await within(transport.close(), "close", 10_000);
  await within(reader.ended, "the end of the loop");
  assert(reader.batches[0]!.claim.lost.aborted);
}, NO_OWN_KAFKA);
