import { createMemoryBroker, type MemoryBroker } from "../../../../bus/transport/memory.ts";
import type { Transport } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { eventually } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

/** A wait for the end of a session would exceed the test. */
const SLOW = { partitions: 2, sessionTimeoutMs: 3_600_000, heartbeatMs: 50 };

/** A connection, and the partitions it claims, as `topic/partition`. */
function connect(broker: MemoryBroker, times = SLOW): { transport: Transport; claims: Set<string> } {
  const claims = new Set<string>();
  const transport = broker.connect({
    ...times,
    onEvent(event) {
      if (event.type === "claimed") claims.add(`${event.topic}/${event.partition}`);
      if (event.type === "lost") claims.delete(`${event.topic}/${event.partition}`);
    },
  });
  return { transport, claims };
}

const has = (claims: ReadonlySet<string>, topic: string) =>
  [...claims].some((one) => one.startsWith(`${topic}/`));

Deno.test("sqlite hand-over: a partition moves at once if everything delivered is committed, otherwise after the commit", async () => {
  using broker = createMemoryBroker();
  const [one, two] = [connect(broker), connect(broker)];
  await one.transport.send("busy", numbered(10));
  await using first = await Reader.open(one.transport, ["busy", "idle"], { group: "group" });
  await first.until(10);
  await using second = await Reader.open(two.transport, ["busy", "idle"], { group: "group", commit: true });
  await eventually("the idle topic is shared", () => Promise.resolve(has(two.claims, "idle")));
  assertEquals([has(two.claims, "busy"), second.messages.length], [false, 0]);

  await first.commit();
  await eventually("the busy topic is shared", () => Promise.resolve(has(two.claims, "busy")));
  await one.transport.send("busy", numbered(10, "new "));
  await second.until(5);
  await first.until(15);
  assertEquals(new Set([...first.texts, ...second.texts]).size, first.texts.length + second.texts.length);
  await Promise.all([one.transport.close(), two.transport.close()]);
});

Deno.test("sqlite hand-over: nothing more is delivered of a partition that is about to move", async () => {
  using broker = createMemoryBroker();
  const [one, two] = [connect(broker), connect(broker)];
  await one.transport.send("busy", numbered(10));
  await using first = await Reader.open(one.transport, ["busy", "idle"], { group: "group" });
  await first.until(10);
  await using second = await Reader.open(two.transport, ["busy", "idle"], { group: "group" });
  await eventually("the idle topic is shared", () => Promise.resolve(has(two.claims, "idle")));
  for (const count of [15, 20]) {
    await one.transport.send("busy", numbered(10, "new "));
    await first.until(count);
  }
  assertEquals(new Set(first.messages.slice(10).map(({ partition }) => partition)).size, 1);
  assertEquals(second.messages.length, 0);
  await Promise.all([one.transport.close(), two.transport.close()]);
});

Deno.test("sqlite hand-over: the partitions of a killed member are claimed when its session expires, not a heartbeat later", async () => {
  using broker = createMemoryBroker();
  const times = { ...SLOW, sessionTimeoutMs: 2_000, heartbeatMs: 1_000 };
  const [heir, doomed] = [connect(broker, times), connect(broker, times)];
  await using first = await Reader.open(heir.transport, ["topic"], { group: "group" });
  await using _second = await Reader.open(doomed.transport, ["topic"], { group: "group" });
  await eventually("the topic is shared", () => Promise.resolve(has(doomed.claims, "topic")));
  const begun = performance.now();
  broker.abandon(doomed.transport);
  await heir.transport.send("topic", numbered(10));
  await first.until(10);
  const afterMs = performance.now() - begun;
  assert(afterMs > 1_500 && afterMs < 2_700, `after ${afterMs} ms`);
  await heir.transport.close();
});

for (const what of ["subscription", "transport"] as const) {
  Deno.test(`sqlite hand-over: a ${what} releases its claims at once when it is closed`, async () => {
    using broker = createMemoryBroker();
    const [one, two] = [connect(broker), connect(broker)];
    await one.transport.send("topic", numbered(10));
    const first = await Reader.open(one.transport, ["topic"], { group: "group" });
    await first.until(10);
    await (what === "subscription" ? first.subscription : one.transport).close();
    await using second = await Reader.open(two.transport, ["topic"], { group: "group" });
    await second.until(10);
    await Promise.all([one.transport.close(), two.transport.close()]);
  });
}

Deno.test("sqlite hand-over: a partition that is about to move stays if the new member leaves again", async () => {
  using broker = createMemoryBroker();
  const [one, two] = [connect(broker), connect(broker)];
  await one.transport.send("busy", numbered(10));
  await using first = await Reader.open(one.transport, ["busy", "idle"], { group: "group" });
  await first.until(10);
  const second = await Reader.open(two.transport, ["busy", "idle"], { group: "group" });
  await eventually("the idle topic is shared", () => Promise.resolve(has(two.claims, "idle")));
  await second.subscription.close();
  await one.transport.send("busy", numbered(10, "new "));
  await first.until(20);
  assertEquals(first.batches.every(({ claim }) => !claim.lost.aborted), true);
  await Promise.all([one.transport.close(), two.transport.close()]);
});
