import { BusError } from "../../../../bus/transport/errors.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { type KafkaBroker, startKafka } from "../../../../testing/brokers/kafka_broker.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { KafkaProxy } from "../../../../testing/brokers/kafka_proxy.ts";
import { freePort } from "../../../../testing/brokers/server_process.ts";
import { Reader } from "../suite/reader.ts";

const SASL_AUTHENTICATE = 36;
const PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule";

/** A broker that requires a login. */
function startKafkaWithLogin(): Promise<KafkaBroker> {
  const [port, controllerPort] = [freePort(), freePort()];
  return startKafka({
    port,
    config: {
      "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
      "listeners": `SASL_PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      "advertised.listeners": `SASL_PLAINTEXT://127.0.0.1:${port}`,
      "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
      "inter.broker.listener.name": "SASL_PLAINTEXT",
      "sasl.mechanism.inter.broker.protocol": "PLAIN",
      "sasl.enabled.mechanisms": "PLAIN",
      "listener.name.sasl_plaintext.plain.sasl.jaas.config":
        `${PLAIN_LOGIN} required username="broker" password="b" user_broker="b" user_me="correct";`,
    },
  });
}

testKafka(
  "a login succeeds, and fails at once with a wrong password or mechanism, but not when its connection breaks",
  async () => {
    await using kafka = await startKafkaWithLogin();
    const sasl = { mechanism: "plain", username: "me", password: "correct" } as const;
    await using transport = await openKafkaTransport([kafka.brokers], { ...QUICK, sasl });
    await using reader = await Reader.open(transport, ["topic"], { group: "group", commit: true });
    await transport.send("topic", [{ value: new Uint8Array(3) }]);
    await reader.until(1);
    assert(!transport.url.includes(sasl.password));

    const wrong = { ...sasl, password: "wrong" };
    const refused = await assertRejects(() => openKafkaTransport([kafka.brokers], { sasl: wrong }), BusError);
    assertEquals([refused.code, refused.retriable], ["denied", false]);
    for (const part of [kafka.brokers, '"me"']) assertStringIncludes(refused.message, part);
    assert(!refused.message.includes(wrong.password));
    const scram = { ...sasl, mechanism: "scram-sha-256" } as const;
    const unknown = await assertRejects(() => openKafkaTransport([kafka.brokers], { sasl: scram }), BusError);
    assertEquals(unknown.code, "denied");

    await using proxy = new KafkaProxy(kafka.port);
    const broken = () => openKafkaTransport([`127.0.0.1:${proxy.port}`], { sasl });
    proxy.loseAnswers(SASL_AUTHENTICATE, 1);
    assertEquals((await assertRejects(broken, BusError)).code, "unavailable");
    await (await broken()).close();
  },
  NO_OWN_KAFKA,
);
