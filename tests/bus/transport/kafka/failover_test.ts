import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { Delays } from "../../../../bus/transport/kafka/net/delays.ts";
import { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { GroupMember } from "../../../../bus/transport/kafka/consumer/group_member.ts";
import { loadProtocol } from "../../../../bus/transport/kafka/wire/protocol.ts";
import { freePort } from "../../../../testing/brokers/server_process.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { FakeBroker } from "../../../../testing/brokers/fake_broker.ts";
import { within } from "../suite/harness.ts";

const UNKNOWN_TOPIC = 3;
const NOT_COORDINATOR = 16;

/** Connects to brokers on this machine. */
function openCluster(...ports: number[]): Promise<Cluster> {
  return Cluster.open({
    seeds: ports.map((port) => ({ host: "127.0.0.1", port })),
    clientId: "test",
    tls: null,
    login: null,
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 1_000,
    maxIdleMs: 60_000,
    onEvent: undefined,
  });
}

Deno.test("kafka: finds the coordinator of a group while another broker of the metadata is dead", async () => {
  await using alive = new FakeBroker();
  alive.knows([{ id: 1, port: freePort() }, { id: 2, port: alive.port }], 2);
  const cluster = await openCluster(alive.port);
  try {
    assertEquals(await cluster.findCoordinator("g"), 2);
  } finally {
    cluster.close();
  }
});

Deno.test("kafka: after a fault the metadata comes from another broker, as the last may have fallen behind", async () => {
  await using behind = new FakeBroker();
  await using current = new FakeBroker();
  const nodes = [{ id: 1, port: behind.port }, { id: 2, port: current.port }];
  for (const [broker, leader] of [[behind, 1], [current, 2]] as const) {
    broker.knows(nodes, 1);
    broker.topics = [{ name: "t", error: 0, leaders: [leader] }];
  }
  const cluster = await openCluster(behind.port);
  cluster.watch(["t"]);
  await cluster.refresh();
  assertEquals(cluster.leader("t", 0), 1);
  await cluster.recover();
  assertEquals(cluster.leader("t", 0), 2);
  cluster.close();
});

Deno.test("kafka: a topic that a broker does not know for a moment keeps its partitions, but not for ever", async () => {
  await using broker = new FakeBroker();
  broker.knows([{ id: 1, port: broker.port }], 1);
  const cluster = await openCluster(broker.port);
  cluster.watch(["t"]);
  const seen: number[] = [];
  for (const error of [0, UNKNOWN_TOPIC, 0, UNKNOWN_TOPIC, UNKNOWN_TOPIC]) {
    broker.topics = [{ name: "t", error, leaders: error === 0 ? [1, 1] : [] }];
    await cluster.refresh();
    seen.push(cluster.partitions("t"));
  }
  cluster.close();
  assertEquals(seen, [2, 2, 2, 2, 0]);
});

Deno.test("kafka: a topic whose metadata failed repeatedly is looked for again after moments, not at the next refresh", async () => {
  await using broker = new FakeBroker();
  broker.knows([{ id: 1, port: broker.port }], 1);
  const cluster = await openCluster(broker.port);
  cluster.watch(["t"]);
  broker.topics = [{ name: "t", error: UNKNOWN_TOPIC, leaders: [] }];
  await cluster.refresh();
  broker.topics = [{ name: "t", error: 0, leaders: [1] }];
  await within(cluster.loaded(), "the next refresh", 5_000);
  assertEquals(cluster.partitions("t"), 1);
  cluster.close();
});

Deno.test("kafka: each address has the whole time for the first contact, however many there are", async () => {
  const silent = Array.from({ length: 3 }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  await using slow = new FakeBroker();
  slow.delayMs = 350;
  slow.knows([{ id: 1, port: slow.port }], 1);
  const ports = [...silent.map(({ addr }) => addr.port), slow.port];
  const brokers = ports.map((port) => `127.0.0.1:${port}`);
  const transport = await openKafkaTransport(brokers, { connectTimeoutMs: 1_000 });
  await transport.close();
  for (const listener of silent) listener.close();
});

/** A cluster whose coordinator accepts a member, and then answers heartbeats only with faults. */
async function faultyCoordinator(beats: (at: number) => void): Promise<Cluster> {
  const answers: Record<string, unknown> = {
    JoinGroup: { errorCode: 0, generationId: 1, leaderId: "other", memberId: "mine", members: [] },
    SyncGroup: { errorCode: 0, memberAssignment: new Uint8Array(0) },
  };
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    protocol: { ...await loadProtocol(), MemberAssignment: { decode: () => ({ assignment: {} }) } },
    requestTimeoutMs: 1_000,
    findCoordinator: () => Promise.resolve(1),
    recover: () => Promise.resolve(),
    closeConnections: () => {},
    delays: new Delays(() => {}),
    request: (_node: number, _purpose: string, api: string) => {
      if (api !== "Heartbeat") return Promise.resolve(answers[api] ?? { errorCode: 0 });
      beats(performance.now());
      return Promise.reject(new BrokerFault(NOT_COORDINATOR, "The group"));
    },
  };
  return cluster as unknown as Cluster;
}

Deno.test("kafka: a member sends heartbeats well within its session while the coordinator is unavailable", async () => {
  const sessionTimeoutMs = 1_000;
  const times: number[] = [];
  const enough = Promise.withResolvers<void>();
  const cluster = await faultyCoordinator((at) => {
    if (times.push(at) === 12) enough.resolve();
  });
  const member = new GroupMember(
    cluster,
    {
      group: "g",
      topics: ["t"],
      groupInstanceId: undefined,
      delivery: "at-least-once",
      sessionTimeoutMs,
      heartbeatMs: 20,
      purpose: "test",
      starts: [],
    },
    {
      owned: () => [],
      prepare: () => Promise.resolve(),
      claim: () => {},
      release: () => Promise.resolve(),
      loseAll: () => {},
      fail: (error) => enough.reject(error),
    },
  );
  member.start();
  await enough.promise;
  await member.leave();
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  assert(Math.max(...gaps) < sessionTimeoutMs / 2, `pauses of ${gaps.map(Math.round).join(", ")} ms`);
});
