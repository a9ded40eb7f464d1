import { setImmediate as yieldToEventLoop } from "node:timers/promises";
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

/** Transactions of 10 ms; the first finds the file locked, if another process writes. */
function slowDatabase(isContended: boolean): { database: Database; count: () => number } {
  let [isLocked, count] = [isContended, 0];
  const transaction = <T>(work: () => T): T => {
    if (isLocked) {
      isLocked = false;
      throw new BusError("unavailable", "locked");
    }
    count++;
    const result = work();
    for (const until = performance.now() + 10; performance.now() < until;);
    return result;
  };
  return { database: { transaction, sync: () => null } as Partial<Database> as Database, count: () => count };
}

for (const isContended of [true, false]) {
  const outcome = isContended ? "shares a transaction while others write too" : "is stored at once";
  Deno.test(`sqlite writer: what is called after a transaction ${outcome}`, async () => {
    const { database, count } = slowDatabase(isContended);
    const writer = new Writer(database, 1_000, { onStored() {}, onUnavailable() {} });
    await writer.run(() => 1);
    const second = writer.run(() => 2);
    await yieldToEventLoop();
    const third = writer.run(() => 3);
    assertEquals([await second, await third, count()], [2, 3, isContended ? 2 : 3]);
  });
}

/** A disk that takes what it is given when the test wants it. */
function heldDatabase() {
  const disk = Promise.withResolvers<void>();
  const database = { transaction: <T>(work: () => T) => work(), sync: () => disk.promise };
  return { database: database as Partial<Database> as Database, disk };
}

Deno.test("sqlite writer: work is stored for others at once, and done when the disk has it", async () => {
  const { database, disk } = heldDatabase();
  const events: string[] = [];
  const stored = Promise.withResolvers<void>();
  const onStored = () => {
    events.push("stored");
    stored.resolve();
  };
  const writer = new Writer(database, 1_000, { onStored, onUnavailable() {} });
  const done = writer.run(() => 1).then(() => events.push("done"));
  await stored.promise;
  await yieldToEventLoop();
  assertEquals(events, ["stored"]);
  disk.resolve();
  await done;
  assertEquals(events, ["stored", "done"]);
});

Deno.test("sqlite writer: work that the disk did not take is refused, and the bus is unavailable", async () => {
  const { database, disk } = heldDatabase();
  const reasons: (string | null)[] = [];
  const writer = new Writer(database, 1_000, {
    onStored() {},
    onUnavailable: (reason) => reasons.push(reason),
  });
  const done = assertRejects(() => writer.run(() => 1), BusError, "no disk");
  await yieldToEventLoop();
  disk.reject(new BusError("unavailable", "no disk"));
  await done;
  assertEquals([writer.unavailable, reasons], ["no disk", ["no disk"]]);
});

Deno.test("sqlite writer: nothing is stored behind what the disk did not take, so nobody reads what is refused", async () => {
  const { database, disk } = heldDatabase();
  const writer = new Writer(database, 1_000, { onStored() {}, onUnavailable() {} });
  const ran: string[] = [];
  const first = assertRejects(() => writer.run(() => ran.push("first")), BusError, "no disk");
  await yieldToEventLoop();
  disk.reject(new BusError("unavailable", "no disk"));
  const waiting = assertRejects(() => writer.run(() => ran.push("waiting")), BusError, "no disk");
  await Promise.all([first, waiting]);
  await assertRejects(() => writer.run(() => ran.push("later")), BusError, "no disk");
  await yieldToEventLoop();
  assertEquals(ran, ["first"]);
});

Deno.test("sqlite writer: a bus in a file waits for the disk beside its transactions, unless it is not to", async () => {
  const path = `${await Deno.makeTempDir()}/bus.db`;
  using full = new Database(path, "full");
  await full.sync()!;
  assertEquals(full.get<{ synchronous: number }>("PRAGMA synchronous")?.synchronous, 1);
  using normal = new Database(path, "normal");
  assertEquals(normal.sync(), null);
});
