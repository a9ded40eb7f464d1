import {
  type Assignment,
  assignPartitions,
  type GroupSubscriber,
} from "../../../../bus/transport/kafka/consumer/subscription_assigner.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";

/** An assignment as `{ a: "t0 t1" }`. */
function shown(assignment: Assignment): Record<string, string> {
  return Object.fromEntries(
    [...assignment].map(([member, partitions]) => [
      member,
      partitions.map(({ topic, partition }) => topic + partition).sort().join(" "),
    ]),
  );
}

function member(memberId: string, topics: string, owned = "", generation = 1): GroupSubscriber {
  return {
    memberId,
    topics: [...topics],
    owned: owned.split(" ").filter(Boolean).map(([topic, ...number]) => ({
      topic: topic!,
      partition: Number(number.join("")),
    })),
    generation,
  };
}

function assign(topics: Record<string, number>, ...members: GroupSubscriber[]): Record<string, string> {
  return shown(assignPartitions(members, new Map(Object.entries(topics))));
}

/** Lets members release and join again until nothing moves, as the coordinator does. */
function settle(topics: Record<string, number>, members: GroupSubscriber[]): Record<string, string> {
  for (let generation = 2; generation < 10; generation++) {
    const given = assignPartitions(members, new Map(Object.entries(topics)));
    const next = members.map((one) => ({ ...one, owned: given.get(one.memberId)!, generation }));
    if (JSON.stringify(next.map((one) => one.owned)) === JSON.stringify(members.map((one) => one.owned))) {
      return shown(given);
    }
    members = next;
  }
  throw new Error("The assignment does not settle");
}

Deno.test("assigner: one member gets everything it has subscribed to", () => {
  assertEquals(assign({ t: 3, u: 1 }, member("a", "t")), { a: "t0 t1 t2" });
});

Deno.test("assigner: each topic is spread evenly over its own subscribers", () => {
  const members = [member("a", "tu"), member("b", "tu"), member("c", "u")];
  assertEquals(assign({ t: 4, u: 4 }, ...members), { a: "t0 t1 u2", b: "t2 t3 u3", c: "u0 u1" });
});

Deno.test("assigner: topics with one partition each are spread over the members", () => {
  const topics = { p: 1, q: 1, r: 1, s: 1 };
  const counts = Object.values(assign(topics, member("a", "pqrs"), member("b", "pqrs"))).map((list) =>
    list.length
  );
  assertEquals(counts, [5, 5]);
});

Deno.test("assigner: assigns nothing of topics that are not subscribed to or do not exist", () => {
  assertEquals(assign({ t: 2, x: 0 }, member("a", "x"), member("b", "tz")), { a: "", b: "t0 t1" });
});

Deno.test("assigner: does not depend on the order of the members", () => {
  const members = [member("a", "tu", "t0"), member("b", "u"), member("c", "t", "t1 t2")];
  const topics = { t: 5, u: 3 };
  assertEquals(assign(topics, ...members), assign(topics, ...members.toReversed()));
});

Deno.test("assigner: a partition that moves is assigned to nobody until its owner has released it", () => {
  const topics = { t: 4 };
  assertEquals(assign(topics, member("a", "t", "t0 t1 t2 t3"), member("b", "t")), { a: "t0 t1", b: "" });
  assertEquals(assign(topics, member("a", "t", "t0 t1"), member("b", "t")), { a: "t0 t1", b: "t2 t3" });
});

Deno.test("assigner: owners keep their partitions as far as the balance allows", () => {
  const members = [member("a", "t", "t3 t5"), member("b", "t", "t0 t1"), member("c", "t")];
  assertEquals(assign({ t: 6 }, ...members), { a: "t3 t5", b: "t0 t1", c: "t2 t4" });
});

Deno.test("assigner: a partition is taken from an owner that no longer subscribes to its topic", () => {
  assertEquals(assign({ t: 2 }, member("a", "u", "t0 t1"), member("b", "t")), { a: "", b: "" });
});

Deno.test("assigner: of two owners the one of the later generation counts; of the same generation, neither", () => {
  assertEquals(assign({ t: 1 }, member("a", "t", "t0", 4), member("b", "t", "t0", 5)), { a: "", b: "t0" });
  assertEquals(assign({ t: 1 }, member("a", "t", "t0", 5), member("b", "t", "t0", 5)), { a: "t0", b: "" });
});

Deno.test("assigner: settles in a balanced assignment of each partition after joins and leaves", () => {
  const topics = { p: 7, q: 4, r: 1, s: 1 };
  const all = ["a", "b", "c", "d"].map((name) => member(name, "pqrs"));
  const first = settle(topics, all.slice(0, 2));
  const grown = settle(topics, all.map((one) => member(one.memberId, "pqrs", first[one.memberId] ?? "")));
  const shrunk = settle(
    topics,
    all.slice(1).map((one) => member(one.memberId, "pqrs", grown[one.memberId]!)),
  );
  for (const given of [first, grown, shrunk]) {
    const lists = Object.values(given).map((list) => list.split(" "));
    assertEquals(new Set(lists.flat()).size, 13);
    assertEquals(lists.flat().length, 13);
    const totals = lists.map(({ length }) => length);
    assert(Math.max(...totals) - Math.min(...totals) <= 1, JSON.stringify(given));
  }
});
