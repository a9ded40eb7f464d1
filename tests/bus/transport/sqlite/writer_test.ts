import { BusError } from "../../../../bus/transport/errors.ts";
import { Database } from "../../../../bus/transport/sqlite/database.ts";
import { Writer } from "../../../../bus/transport/sqlite/writer.ts";
import { assert, assertEquals, assertRejects } from "../../../../testing/assert.ts";

class Numbers implements Disposable {
  readonly database = new Database(":memory:", "normal");
  readonly writer = new Writer(this.database, 1_000, { onStored() {}, onUnavailable() {} });

  constructor() {
    this.database.run("CREATE TABLE numbers (number INTEGER)");
  }

  add(number: number): void {
    this.database.run("INSERT INTO numbers VALUES (?)", number);
  }

  get stored(): number[] {
    return this.database.all<{ number: number }>("SELECT number FROM numbers").map(({ number }) => number);
  }

  [Symbol.dispose](): void {
    this.database[Symbol.dispose]();
  }
}

Deno.test("sqlite writer: concurrent work shares a transaction and keeps its order", async () => {
  using numbers = new Numbers();
  const wanted = Array.from({ length: 100 }, (_, index) => index);
  const before = numbers.database.transactions;
  const results = await Promise.all(wanted.map((number) => {
    return numbers.writer.run(() => (numbers.add(number), number * 2));
  }));
  assertEquals(results, wanted.map((number) => number * 2));
  assertEquals(numbers.stored, wanted);
  assert(numbers.database.transactions - before < 20, `${numbers.database.transactions} transactions`);
});

Deno.test("sqlite writer: work that fails is rolled back without affecting other work", async () => {
  using numbers = new Numbers();
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((number) =>
    numbers.writer.run(() => {
      numbers.add(number);
      if (number === 2) throw new Error("not this one");
    })
  ));
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  assertEquals(numbers.stored, [1, 3, 4]);
});

Deno.test("sqlite writer: work can be withdrawn before it starts", async () => {
  using numbers = new Numbers();
  const controller = new AbortController();
  const first = numbers.writer.run(() => numbers.add(1));
  const second = numbers.writer.run(() => numbers.add(2), { signal: controller.signal });
  const third = numbers.writer.run(() => numbers.add(3));
  controller.abort(new Error("withdrawn"));
  await assertRejects(() => second, Error, "withdrawn");
  await Promise.all([first, third]);
  assertEquals(numbers.stored, [1, 3]);
});

Deno.test("sqlite writer: closing refuses work that has not started", async () => {
  using numbers = new Numbers();
  const work = numbers.writer.run(() => numbers.add(1));
  numbers.writer.close();
  assertEquals((await assertRejects(() => work, BusError)).code, "closed");
  assertEquals((await assertRejects(() => numbers.writer.run(() => 1), BusError)).code, "closed");
  assertEquals(numbers.stored, []);
});
