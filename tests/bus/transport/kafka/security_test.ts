import { BusError } from "../../../../bus/transport/errors.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { clientCredentials } from "../../../../bus/transport/kafka/net/oauth.ts";
import { isRetriable } from "../../../../bus/transport/kafka/wire/faults.ts";
import type { KafkaTransportOptions } from "../../../../bus/transport/kafka/options.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { SecuredKafka, USER } from "../../../../testing/brokers/secured_kafka.ts";
import { unique } from "../suite/harness.ts";
import { Reader } from "../suite/reader.ts";

/** Sends a message and reads it in a group: each kind of request goes over the secured connection. */
async function roundTrip(broker: string, options: KafkaTransportOptions): Promise<void> {
  await using transport = await openKafkaTransport([broker], { ...QUICK, ...options });
  const topic = unique("secured");
  await using reader = await Reader.open(transport, [topic], { group: unique("group"), commit: true });
  await transport.send(topic, [{ value: new Uint8Array(200_000) }]);
  await reader.until(1);
}

async function refusal(broker: string, options: KafkaTransportOptions): Promise<BusError> {
  return await assertRejects(() => openKafkaTransport([broker], options), BusError);
}

/** A token that the broker's validator for tests accepts: a JWT without signature (RFC 7519, 6). */
function unsignedToken(seconds: number): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ sub: "me", iat: now, exp: now + seconds })}.`;
}

/** An OpenID provider that knows one client. */
function openTokenEndpoint() {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    requests.push(await request.text());
    const isKnown = request.headers.get("authorization") === `Basic ${btoa("app:s3cret")}`;
    if (!isKnown) return Response.json({ error: "invalid_client" }, { status: 401 });
    return Response.json({ access_token: unsignedToken(60), expires_in: 60, token_type: "bearer" });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/token`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("kafka: security: connections that open at once share a token; an endpoint that is overloaded is asked again", async () => {
  let [status, requests] = [200, 0];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    requests++;
    return Response.json({ access_token: `token ${requests}`, expires_in: 60 }, { status });
  });
  const tokenUrl = `http://127.0.0.1:${server.addr.port}`;
  const client = () => clientCredentials({ tokenUrl, clientId: "app", clientSecret: "s3cret" });
  const token = client();
  assertEquals(await Promise.all([token(), token(), token()]), ["token 1", "token 1", "token 1"]);
  for (status of [408, 429, 500, 503]) {
    const error = await assertRejects(client(), Error, `answered ${status}`);
    assertEquals(isRetriable(error), true);
  }
  status = 400;
  assertEquals(isRetriable(await assertRejects(client(), BusError, "no token")), false);
});

testKafka("security: TLS with each kind of login, and with the client's certificate", async () => {
  await using kafka = await SecuredKafka.start();
  const { ca, client, passphrase } = kafka.certificates;
  const read = (path: string) => Deno.readTextFileSync(path);
  const tls = { caCerts: [read(ca)] };
  for (const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
    await roundTrip(kafka.saslSsl, { tls, sasl: { mechanism, ...USER } });
  }
  const token = () => Promise.resolve(unsignedToken(60));
  await roundTrip(kafka.saslSsl, { tls, sasl: { mechanism: "oauthbearer", token } });
  await using endpoint = openTokenEndpoint();
  const app = { tokenUrl: endpoint.url, clientId: "app", clientSecret: "s3cret", scope: "images" };
  await roundTrip(kafka.saslSsl, { tls, sasl: { mechanism: "oauthbearer", ...app } });
  assertEquals(endpoint.requests, ["grant_type=client_credentials&scope=images"]);
  const cert = read(client.cert);
  await roundTrip(kafka.mutualTls, { tls: { ...tls, cert, key: read(client.key) } });
  await roundTrip(kafka.mutualTls, { tls: { ...tls, cert, key: read(client.encryptedKey), passphrase } });

  const sasl = { mechanism: "scram-sha-512", ...USER } as const;
  const other = { caCerts: [read(kafka.certificates.otherCa)] };
  const wrong: [KafkaTransportOptions, string, string][] = [
    [{ tls, sasl: { ...sasl, password: "wrong" } }, kafka.saslSsl, 'as "me"'],
    [
      { tls, sasl: { mechanism: "oauthbearer", ...app, clientSecret: "no" } },
      kafka.saslSsl,
      "invalid_client",
    ],
    [
      { tls, sasl: { mechanism: "oauthbearer", token: () => Promise.resolve(unsignedToken(-60)) } },
      kafka.saslSsl,
      "rejected",
    ],
    [{ tls: other, sasl }, kafka.saslSsl, "unknown authority"],
    [{ tls: true, sasl }, kafka.saslSsl, "unknown authority"],
  ];
  for (const [options, broker, expected] of wrong) {
    const error = await refusal(broker, options);
    assertEquals([error.code, error.retriable], ["denied", false], error.message);
    assertStringIncludes(error.message, expected);
  }
  const withoutTls = await refusal(kafka.saslSsl, { sasl, connectTimeoutMs: 3_000 });
  assertStringIncludes(withoutTls.message, "kafka+ssl://");
  const anonymous = await refusal(kafka.mutualTls, { tls, connectTimeoutMs: 3_000 });
  assertStringIncludes(anonymous.message, "certificate of the client");
  const withTls = await refusal(kafka.broker.brokers, { tls, connectTimeoutMs: 3_000 });
  assertStringIncludes(withTls.message, "does it use TLS on this port?");
}, NO_OWN_KAFKA);

testKafka("security: a configuration file of Java's or librdkafka's client is followed", async () => {
  await using kafka = await SecuredKafka.start();
  const { ca, client, passphrase } = kafka.certificates;
  const escaped = USER.password.replaceAll('"', '\\\\"');
  const files = {
    java: [
      `bootstrap.servers=${kafka.saslSsl}`,
      "security.protocol=SASL_SSL",
      "sasl.mechanism=SCRAM-SHA-512",
      "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\",
      `    username="${USER.username}" password="${escaped.replaceAll("\\\\", "\\")}";`,
      `ssl.ca.location=${ca}`,
    ],
    librdkafka: [
      "# mutual TLS",
      `bootstrap.servers = ${kafka.mutualTls}`,
      "security.protocol = ssl",
      `ssl.ca.location = ${ca}`,
      `ssl.certificate.location = ${client.cert}`,
      `ssl.key.location = ${client.encryptedKey}`,
      `ssl.key.password = ${passphrase}`,
    ],
  };
  for (const lines of Object.values(files)) {
    const config = lines.join("\n");
    await using transport = await openKafkaTransport([], { ...QUICK, config });
    await transport.send(unique("configured"), [{ value: new Uint8Array(3) }]);
    assertStringIncludes(transport.url, "kafka+ssl://");
  }
}, NO_OWN_KAFKA);

testKafka("security: a certificate that is expired, or for another host, is refused by name", async () => {
  for (
    const [certificate, expected] of [["expired", "has expired"], ["otherHost", "elsewhere.example"]] as const
  ) {
    await using kafka = await SecuredKafka.start({ certificate });
    const tls = { caCerts: [Deno.readTextFileSync(kafka.certificates.ca)] };
    const sasl = { mechanism: "plain", ...USER } as const;
    // The first handshake of a broker can take seconds on a busy machine.
    const error = await refusal(kafka.saslSsl, { connectTimeoutMs: 30_000, tls, sasl });
    assertEquals(error.code, "denied", error.message);
    assertStringIncludes(error.message, expected);
    if (certificate === "otherHost") {
      await roundTrip(kafka.saslSsl, { tls: { ...tls, verifyHostname: false }, sasl });
    }
  }
}, NO_OWN_KAFKA);

testKafka("security: a login that ends is renewed on the open connection", async () => {
  await using kafka = await SecuredKafka.start({ reauthMs: 2_000 });
  const tls = { caCerts: [Deno.readTextFileSync(kafka.certificates.ca)] };
  const events: string[] = [];
  let tokens = 0;
  const token = () => Promise.resolve(unsignedToken(60 + tokens++));
  await using transport = await openKafkaTransport([kafka.saslSsl], {
    ...QUICK,
    tls,
    sasl: { mechanism: "oauthbearer", token },
    onEvent: (event) => events.push(event.type),
  });
  const topic = unique("renewed");
  await using reader = await Reader.open(transport, [topic], { group: unique("group"), commit: true });
  const until = performance.now() + 7_000;
  let sent = 0;
  while (performance.now() < until) {
    await transport.send(topic, [{ value: new Uint8Array([sent++]) }]);
    await reader.until(sent);
  }
  assertEquals(events.filter((type) => type === "disconnected"), []);
  assertEquals(tokens > 6, true, `${tokens} tokens`);
}, NO_OWN_KAFKA);
