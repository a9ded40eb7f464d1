import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { GroupMember } from "../../../../bus/transport/kafka/consumer/group_member.ts";
import { loadProtocol } from "../../../../bus/transport/kafka/wire/protocol.ts";
import { freePort } from "../../../../testing/brokers/server_process.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { FakeBroker } from "../../../../testing/brokers/fake_broker.ts";

const NOT_COORDINATOR = 16;

Deno.test("kafka: finds the coordinator of a group while another broker of the metadata is dead", async () => {
  await using alive = new FakeBroker();
  alive.knows([{ id: 1, port: freePort() }, { id: 2, port: alive.port }], 2);
  const cluster = await Cluster.open({
    seeds: [{ host: "127.0.0.1", port: alive.port }],
    clientId: "test",
    tls: null,
    login: null,
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 1_000,
    maxIdleMs: 60_000,
    onEvent: undefined,
  });
  try {
    assertEquals(await cluster.findCoordinator("g"), 2);
  } finally {
    cluster.close();
  }
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
