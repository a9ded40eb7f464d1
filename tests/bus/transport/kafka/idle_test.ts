import { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { Proxy } from "../../../../tools/chaos/proxy.ts";
import { assertEquals } from "../../../../testing/assert.ts";
import { FakeBroker } from "../../../../testing/brokers/fake_broker.ts";
import { NO_OWN_KAFKA, testKafka } from "../../../../testing/brokers/kafka.ts";
import { startKafka } from "../../../../testing/brokers/kafka_broker.ts";
import { freePort } from "../../../../testing/brokers/server_process.ts";
import { unique, within } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

testKafka(
  "a send on a connection that was dropped without notice is stored by a second attempt",
  async () => {
    const port = freePort();
    await using proxy = new Proxy(port);
    await using _broker = await startKafka({
      port,
      config: { "advertised.listeners": `PLAINTEXT://127.0.0.1:${proxy.port}` },
    });
    const brokers = [`127.0.0.1:${proxy.port}`];
    await using transport = await openKafkaTransport(brokers, { partitions: 1, sendTimeoutMs: 6_000 });
    const topic = unique("idle");
    await transport.send(topic, numbered(1));
    proxy.forget();
    await within(transport.send(topic, numbered(1)), "the second send", 6_000);
    await using reader = await Reader.open(transport, [topic], { until: "end" });
    await within(reader.ended, "the end");
  },
  NO_OWN_KAFKA,
);

for (
  const { maxIdleMs, connections } of [{ maxIdleMs: 60_000, connections: 1 }, {
    maxIdleMs: 0,
    connections: 3,
  }]
) {
  const outcome = connections === 1 ? "is used again" : "is replaced";
  Deno.test(`kafka: a connection that was idle ${outcome} if ${maxIdleMs} ms are allowed`, async () => {
    await using broker = new FakeBroker();
    broker.knows([{ id: 1, port: broker.port }], 1);
    const cluster = await Cluster.open({
      seeds: [{ host: "127.0.0.1", port: broker.port }],
      clientId: "test",
      tls: null,
      login: null,
      connectTimeoutMs: 1_000,
      requestTimeoutMs: 1_000,
      maxIdleMs,
      onEvent: undefined,
    });
    await cluster.refresh();
    await cluster.findCoordinator("g");
    cluster.close();
    assertEquals(broker.accepted, connections);
  });
}
