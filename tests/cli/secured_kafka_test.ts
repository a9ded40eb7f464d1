import { connect } from "../../bus/connect.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { openKafkaTransport } from "../../bus/transport/kafka/open.ts";
import type { Bus } from "../../bus/bus.ts";
import { ServiceError } from "../../actors/errors.ts";
import { serveWith } from "../../actors/serve.ts";
import type { StartWorker } from "../../actors/workers/worker_handle.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { type Acl, Acls, AUTHORIZER } from "../../testing/brokers/acls.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../testing/brokers/kafka.ts";
import { OTHER_USER, SecuredKafka, USER } from "../../testing/brokers/secured_kafka.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { documentedAcls } from "../fixtures/documented_acls.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";

const MODEL = "mnist";
const SEVEN = "models/mnist/samples/7-7.png";
const TOPICS = ["imagebus.mnist", "imagebus.results", "imagebus.dead-letters"];

/** A properties file with TLS and a login, as a platform team hands it out. */
async function configFile(
  kafka: SecuredKafka,
  { username, password }: { readonly username: string; readonly password: string },
  ca = kafka.certificates.ca,
): Promise<string> {
  const path = `${kafka.directory}/client-${crypto.randomUUID()}.properties`;
  const lines = [
    `bootstrap.servers=${kafka.saslSsl}`,
    "security.protocol=SASL_SSL",
    `sasl.mechanism=${username === USER.username ? "SCRAM-SHA-512" : "PLAIN"}`,
    `sasl.username=${username}`,
    `sasl.password=${password}`,
    `ssl.ca.location=${ca}`,
  ];
  await Deno.writeTextFile(path, lines.join("\n"));
  return path;
}

/** A broker that allows nothing but by ACLs, on which the administrator has created the topics. */
async function startWithAcls() {
  await using stack = new AsyncDisposableStack();
  const kafka = stack.use(await SecuredKafka.start({ config: AUTHORIZER }));
  const acls = stack.use(await Acls.connect(kafka.broker.brokers));
  await using admin = await openKafkaTransport([kafka.broker.brokers]);
  await admin.ensureTopics(TOPICS);
  // Nothing is fetched from an empty topic that is read to its end.
  await admin.send("imagebus.dead-letters", [{ value: new Uint8Array(1) }]);
  const started = stack.move();
  return { kafka, acls, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

testKafka(
  "secured: every command works from the shell, with a properties file and just its ACLs",
  async () => {
    await using stage = await startWithAcls();
    const { kafka, acls } = stage;
    const documented = await documentedAcls(MODEL);
    const directory = kafka.directory;
    const run = async (command: string, args: readonly string[], code = 0) => {
      await acls.set(OTHER_USER.username, documented.get(command)!);
      const ended = await imagebus(args, {
        IMAGEBUS_KAFKA_CONFIG: config,
        IMAGEBUS_STATE_DIR: directory,
        IMAGEBUS_RESULTS: `${directory}/results.db`,
      });
      assertEquals(ended.code, code, `${command}: ${ended.err}`);
      return objectsIn(ended.out);
    };
    const config = await configFile(kafka, OTHER_USER);
    await acls.set(USER.username, documented.get("worker")!);
    await using _worker = await WorkerProcess.start({
      bus: `kafka+ssl://${kafka.saslSsl}`,
      directory,
      args: ["--kafka-config", await configFile(kafka, USER), "--models", MODEL, "--quiet"],
    });
    const send = ["send", "--json", "--model", MODEL];
    await run("send", [...send, SEVEN]);
    const answers = await run("send --wait", [...send, "--wait", SEVEN, "LICENSE"], 1);
    const outcomes = answers.map(({ label, error }) => label ?? (error as { code: string }).code);
    assertEquals(outcomes.sort(), ["7", "not_an_image"]);
    const { id } = answers.find(({ label }) => label === "7")!;
    assertEquals((await run("result", ["result", "--json", String(id)])).length, 1);
    const [status] = await run("status", ["status", "--json"]);
    assert(status !== undefined);
    const topics = await run("topics", ["topics", "--json"]);
    assertEquals(topics.map(({ name }) => name).sort(), TOPICS.toSorted());
    assertEquals((await run("dead-letters list", ["dead-letters", "list", "--json"])).length, 1);
    assertEquals((await run("dead-letters replay", ["dead-letters", "replay", "--all", "--json"])).length, 1);
    for (const digit of [1, 7]) {
      await Deno.mkdir(`${directory}/digits/${digit}`, { recursive: true });
      for (const name of ["trained", "tested"]) {
        await Deno.copyFile(
          `models/mnist/samples/${digit}-${digit}.png`,
          `${directory}/digits/${digit}/${name}.png`,
        );
      }
    }
    const evaluate = ["evaluate", MODEL, "--bus", `kafka+ssl://${kafka.saslSsl}`, "--json"];
    const [measured] = await run("evaluate --bus", [...evaluate, "--on", `${directory}/digits`]);
    assertEquals([measured!["images"], measured!["results"]], [2, 2]);
    assert((await run("send", ["results", "--json"])).length >= 3);
  },
  NO_OWN_KAFKA,
);

/** What the commands do with the bus. */
const ACCESSES: Readonly<Record<string, (bus: Bus) => Promise<unknown>>> = {
  "send": (bus) => bus.send(Deno.readFileSync(SEVEN), { model: MODEL }),
  "send --wait": async (bus) => {
    await using results = bus.results();
    await results.ready;
    await bus.send(Deno.readFileSync(SEVEN), { model: MODEL });
    for await (const _ of results) throw new Error("Nobody serves");
  },
  "worker": (bus) => serveUntilItEnds(bus, "at-least-once"),
  "worker --delivery exactly-once": (bus) => serveUntilItEnds(bus, "exactly-once"),
  "dead-letters list": (bus) => Array.fromAsync(bus.deadLetters()),
  "status": (bus) => bus.transport.topics("imagebus"),
};

/** No image comes as far as the model. */
const startIdle: StartWorker = () => {
  const { promise: gone, resolve } = Promise.withResolvers<ServiceError>();
  const run = () => Promise.reject(new Error("There is no image"));
  return Promise.resolve({ run, gone, terminate: () => resolve(new ServiceError("worker_died", "ended")) });
};

async function serveUntilItEnds(bus: Bus, delivery: "at-least-once" | "exactly-once"): Promise<void> {
  await using service = await serveWith(startIdle, bus, { models: [MODEL], delivery });
  const error = await service.closed;
  if (error) throw error;
}

interface Lack {
  readonly command: string;
  readonly allowed: readonly Acl[];
  /** What the message must name. */
  readonly operation: string;
  readonly missing: Acl;
}

/** Each way in which one ACL of a command can be missing: altogether, or with Describe in its place. */
function lacksOf(command: string, needed: readonly Acl[]): Lack[] {
  return needed.flatMap((missing) => {
    const allowed = needed.filter((acl) => acl !== missing);
    const { operation, resource, name } = missing;
    // Topics that it may not describe are just not listed.
    if (operation === "Describe") {
      return resource === "group" ? [{ command, allowed, operation, missing }] : [];
    }
    const isFound = resource === "group" || name === "imagebus.dead-letters" && operation === "Read";
    const altogether = { command, allowed, operation: isFound ? "Describe" : operation, missing };
    const describing = [...allowed, { ...missing, operation: "Describe" as const }];
    // A worker that may see where results go finds out with the first of them.
    const isLate = command.startsWith("worker") && resource === "topic" && operation === "Write";
    return [altogether, ...isLate ? [] : [{ command, allowed: describing, operation, missing }]];
  });
}

testKafka("secured: without one of its ACLs a command fails as denied, and names what it lacks", async () => {
  await using stage = await startWithAcls();
  const { kafka, acls } = stage;
  const documented = await documentedAcls(MODEL);
  const options = {
    ...QUICK,
    tls: { caCerts: [await Deno.readTextFile(kafka.certificates.ca)] },
    sasl: { mechanism: "plain", ...OTHER_USER },
  } as const;
  const lacks = Object.keys(ACCESSES).flatMap((command) => lacksOf(command, documented.get(command)!));
  for (const { command, allowed, operation, missing } of lacks) {
    await acls.set(OTHER_USER.username, allowed);
    await using bus = await connect(`kafka://${kafka.saslSsl}`, { kafka: options });
    const error = await assertRejects(() => ACCESSES[command]!(bus), BusError);
    assertEquals(error.code, "denied", error.message);
    const resource = `${missing.resource.replace("-", " ")} "${missing.name.replace("*", "")}`;
    for (const expected of [operation, resource]) {
      assertStringIncludes(`${command}: ${error.message}`, expected);
    }
  }
  const denied = await imagebus(["send", "--model", MODEL, SEVEN], {
    IMAGEBUS_KAFKA_CONFIG: await configFile(kafka, USER),
    IMAGEBUS_STATE_DIR: kafka.directory,
  });
  assertEquals([denied.code, denied.err.trim().split("\n").length], [2, 1], denied.err);
}, NO_OWN_KAFKA);

testKafka("secured: what is wrong is one line, exit code 2, and not retried", async () => {
  await using kafka = await SecuredKafka.start();
  const send = async (options: readonly string[]) => {
    const env = { IMAGEBUS_STATE_DIR: kafka.directory };
    return await imagebus(["send", "--model", MODEL, SEVEN, ...options], env);
  };
  const cases: [string[], string][] = [
    [
      ["--kafka-config", await configFile(kafka, { ...USER, password: "wrong" })],
      "Cannot log in to localhost",
    ],
    [["--kafka-config", await configFile(kafka, USER, kafka.certificates.otherCa)], "unknown authority"],
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
