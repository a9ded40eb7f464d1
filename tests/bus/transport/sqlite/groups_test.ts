import { Database } from "../../../../bus/transport/sqlite/database.ts";
import { GroupStore } from "../../../../bus/transport/sqlite/group_store.ts";
import { Log } from "../../../../bus/transport/sqlite/log.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";

const SESSION_MS = 1_000;

/** A group whose members send heartbeats on request. */
class Group implements Disposable {
  readonly database = new Database(":memory:", "normal");
  readonly #log = new Log(this.database);
  readonly #members = new Map<string, { store: GroupStore; id: number | null }>();

  join(name: string, topics: Record<string, number>): void {
    const found = Object.entries(topics).map(([topic, partitions]) =>
      this.#log.ensureTopic(topic, { partitions, expires: false })
    );
    this.#members.set(name, {
      store: new GroupStore(this.database, this.#log, "group", found, SESSION_MS),
      id: null,
    });
  }

  /** A heartbeat of a member, which releases its surplus at once. Returns its partitions as `topic/0`. */
  share(name: string): string[] {
    const member = this.#members.get(name)!;
    return this.database.transaction(() => {
      const { member: id, holdings, surplus } = member.store.share(member.id);
      member.id = id;
      const kept = holdings.map(({ partition }) => partition);
      for (const [topic, count] of surplus) {
        for (const partition of kept.filter((one) => one.topic === topic).slice(0, count)) {
          member.store.release(id, partition);
          kept.splice(kept.indexOf(partition), 1);
        }
      }
      return kept.map(({ topic, number }) => `${topic}/${number}`);
    });
  }

  /** Commits for a member as if it owned the partition; returns whether that was accepted. */
  commit(name: string, topic: string, offset: number): boolean {
    const { store, id } = this.#members.get(name)!;
    const [partition] = this.#log.ensureTopic(topic, { partitions: 1, expires: false }).partitions;
    return this.database.transaction(() => store.commit(id!, partition!, offset));
  }

  committed(): (number | null)[] {
    return this.#log.list("group").flatMap(({ partitions }) => partitions.map(({ committed }) => committed));
  }

  /** The claims of the members after enough heartbeats of each. */
  settle(...names: string[]): string[][] {
    for (let round = 0; round < 2; round++) names.forEach((name) => this.share(name));
    return names.map((name) => this.share(name));
  }

  leave(name: string): void {
    const { store, id } = this.#members.get(name)!;
    this.database.transaction(() => store.leave(id!));
  }

  /** Moves the last heartbeat of a member into the past (or the future). */
  age(name: string, ms: number): void {
    this.database.run(
      "UPDATE members SET renewed = renewed - ? WHERE id = ?",
      ms,
      this.#members.get(name)!.id,
    );
  }

  [Symbol.dispose](): void {
    this.database[Symbol.dispose]();
  }
}

const sizes = (claims: string[][]) => claims.map(({ length }) => length);

Deno.test("sqlite groups: each partition has one owner, and the numbers of partitions differ by one at most", () => {
  using group = new Group();
  for (const name of ["a", "b", "c"]) group.join(name, { topic: 8 });
  const claims = group.settle("a", "b", "c");
  assertEquals(new Set(claims.flat()).size, 8);
  assertEquals(sizes(claims).toSorted(), [2, 3, 3]);
});

Deno.test("sqlite groups: topics with one partition each are spread over the members", () => {
  using group = new Group();
  const topics = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`t${index}`, 1]));
  for (const name of ["a", "b", "c"]) group.join(name, topics);
  const claims = group.settle("a", "b", "c");
  assertEquals(new Set(claims.flat()).size, 9);
  assertEquals(sizes(claims), [3, 3, 3]);
});

Deno.test("sqlite groups: no more partitions move than necessary when a member joins or leaves", () => {
  using group = new Group();
  group.join("a", { topic: 6 });
  group.join("b", { topic: 6 });
  const [beforeA, beforeB] = group.settle("a", "b");
  group.join("c", { topic: 6 });
  const [afterA, afterB, afterC] = group.settle("a", "b", "c");
  assertEquals(sizes([afterA!, afterB!, afterC!]), [2, 2, 2]);
  assert(afterA!.every((one) => beforeA!.includes(one)) && afterB!.every((one) => beforeB!.includes(one)));
  group.leave("c");
  const [finalA, finalB] = group.settle("a", "b");
  assert(afterA!.every((one) => finalA!.includes(one)) && afterB!.every((one) => finalB!.includes(one)));
  assertEquals(sizes([finalA!, finalB!]), [3, 3]);
});

Deno.test("sqlite groups: members without partitions stay idle until others leave", () => {
  using group = new Group();
  for (const name of ["a", "b", "c"]) group.join(name, { topic: 2 });
  const claims = group.settle("a", "b", "c");
  assertEquals(sizes(claims).toSorted(), [0, 1, 1]);
  const idle = ["a", "b", "c"][claims.findIndex(({ length }) => length === 0)]!;
  for (const name of ["a", "b", "c"]) if (name !== idle) group.leave(name);
  assertEquals(group.share(idle).length, 2);
});

for (
  const [what, ms] of [["in the past", SESSION_MS + 100], ["in the future", -60_000]] as const
) {
  Deno.test(`sqlite groups: a member whose heartbeat is too far ${what} is evicted, and rejoins as a new one`, () => {
    using group = new Group();
    group.join("a", { topic: 4 });
    group.join("b", { topic: 4 });
    assertEquals(sizes(group.settle("a", "b")), [2, 2]);
    group.age("a", ms);
    assertEquals(group.share("b").length, 4);
    assertEquals(group.share("a").length, 0);
    assertEquals(sizes(group.settle("b", "a")), [2, 2]);
  });
}

Deno.test("sqlite groups: an expired member that nobody has evicted keeps its claims", () => {
  using group = new Group();
  group.join("a", { topic: 4 });
  group.share("a");
  group.age("a", SESSION_MS * 10);
  assertEquals(group.share("a").length, 4);
});

Deno.test("sqlite groups: an evicted member cannot commit, even before it notices", () => {
  using group = new Group();
  group.join("a", { topic: 1 });
  group.share("a");
  assertEquals([group.commit("a", "topic", 5), group.committed()], [true, [5]]);
  group.join("b", { topic: 1 });
  group.age("a", SESSION_MS + 100);
  group.share("b");
  assertEquals([group.commit("b", "topic", 7), group.commit("a", "topic", 9), group.committed()], [
    true,
    false,
    [7],
  ]);
});
