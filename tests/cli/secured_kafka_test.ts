import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { NO_OWN_KAFKA, testKafka } from "../../testing/brokers/kafka.ts";
import { SecuredKafka, USER } from "../../testing/brokers/secured_kafka.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";

const SEVEN = "models/mnist/samples/7-7.png";

/** A properties file with TLS and SCRAM, as a platform team hands it out. */
async function configFile(
  kafka: SecuredKafka,
  password: string,
  ca = kafka.certificates.ca,
): Promise<string> {
  const path = `${kafka.directory}/client-${crypto.randomUUID()}.properties`;
  const lines = [
    `bootstrap.servers=${kafka.saslSsl}`,
    "security.protocol=SASL_SSL",
    "sasl.mechanism=SCRAM-SHA-512",
    `sasl.username=${USER.username}`,
    `sasl.password=${password}`,
    `ssl.ca.location=${ca}`,
  ];
  await Deno.writeTextFile(path, lines.join("\n"));
  return path;
}

testKafka("secured: every command works from the shell, by a properties file in a variable", async () => {
  await using kafka = await SecuredKafka.start();
  const config = await configFile(kafka, USER.password);
  const directory = kafka.directory;
  const env = {
    IMAGEBUS_KAFKA_CONFIG: config,
    IMAGEBUS_STATE_DIR: directory,
    IMAGEBUS_RESULTS: `${directory}/results.db`,
  };
  {
    await using _worker = await WorkerProcess.start({
      bus: `kafka+ssl://${kafka.saslSsl}`,
      directory,
      args: ["--kafka-config", config, "--models", "mnist", "--quiet"],
    });
    const sent = await imagebus(["send", "--wait", "--json", "--model", "mnist", SEVEN, "LICENSE"], env);
    const answers = objectsIn(sent.out);
    assertEquals(answers.map(({ label, error }) => label ?? (error as { code: string }).code).sort(), [
      "7",
      "not_an_image",
    ], sent.err);
    const { out: rows } = await imagebus(["results", "--json"], env);
    assertEquals(objectsIn(rows).length, 2);
    const status = await imagebus(["status", "--json"], env);
    assertEquals(status.code, 0, status.err);
    const replayed = await imagebus(["dead-letters", "replay", "--all"], env);
    assertEquals(replayed.code, 0, replayed.err);
    const topics = await imagebus(["topics", "--json"], env);
    assert(objectsIn(topics.out).some(({ name }) => name === "imagebus.mnist"), topics.err);
  }
}, NO_OWN_KAFKA);

testKafka("secured: what is wrong is one line, exit code 2, and not retried", async () => {
  await using kafka = await SecuredKafka.start();
  const send = async (options: readonly string[]) => {
    const env = { IMAGEBUS_STATE_DIR: kafka.directory };
    return await imagebus(["send", "--model", "mnist", SEVEN, ...options], env);
  };
  const cases: [string[], string][] = [
    [["--kafka-config", await configFile(kafka, "wrong")], "Cannot log in to localhost"],
    [
      ["--kafka-config", await configFile(kafka, USER.password, kafka.certificates.otherCa)],
      "unknown authority",
    ],
    [
      ["--bus", `kafka+ssl://${kafka.mutualTls}`, "--kafka-tls-ca-certs", kafka.certificates.ca],
      "certificate of the client",
    ],
  ];
  for (const [options, expected] of cases) {
    const { code, err } = await send(options);
    assertStringIncludes(err, expected);
    // A broker that wants a certificate may just close: that can pass, so it is no mistake of the user.
    assert(code === 2 || err.includes("may want a certificate"), err);
    assert(err.trim().split("\n").length <= 2, err);
  }
}, NO_OWN_KAFKA);
