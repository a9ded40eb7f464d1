import { DatabaseSync } from "node:sqlite";
import { WalSync } from "../../lib/wal_sync.ts";
import { assert, assertEquals, assertRejects } from "../../testing/assert.ts";

/** A database in WAL mode with a table. */
async function openDatabase(): Promise<{ path: string; database: DatabaseSync }> {
  const path = `${await Deno.makeTempDir()}/test.db`;
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE numbers (number); PRAGMA journal_mode = WAL");
  return { path, database };
}

Deno.test("WalSync: calls that come while the disk is busy share the next sync", async () => {
  const { path, database } = await openDatabase();
  using wal = WalSync.open(database, path)!;
  const first = wal.sync();
  assert(wal.sync() === first, "nothing was begun yet");
  await Promise.resolve();
  const second = wal.sync();
  assert(second !== first, "the first may have missed what was committed since");
  assert(wal.sync() === second);
  await Promise.all([first, second]);
  database.close();
});

Deno.test("WalSync: once the disk has refused, all later calls reject", async () => {
  const { path, database } = await openDatabase();
  const wal = WalSync.open(database, path)!;
  wal[Symbol.dispose]();
  await assertRejects(() => wal.sync(), Deno.errors.BadResource);
  await assertRejects(() => wal.sync(), Deno.errors.BadResource);
  database.close();
});

Deno.test("WalSync: the log of an open database is one file, whoever else opens and closes it", async () => {
  const { path, database } = await openDatabase();
  using _wal = WalSync.open(database, path);
  const { ino } = await Deno.stat(`${path}-wal`);
  for (let i = 0; i < 3; i++) {
    const other = new DatabaseSync(path);
    other.exec(`INSERT INTO numbers VALUES (${i}); PRAGMA wal_checkpoint(TRUNCATE)`);
    other.close();
  }
  assertEquals((await Deno.stat(`${path}-wal`)).ino, ino);
  database.close();
});

Deno.test("WalSync: it takes over what SQLite would do, also of a database whose log does not exist yet", async () => {
  const { path, database } = await openDatabase();
  const synchronous = () => database.prepare("PRAGMA synchronous").get()!.synchronous;
  assertEquals(synchronous(), 2);
  using wal = WalSync.open(database, path);
  assert(wal !== null);
  assertEquals(synchronous(), 1);
  database.close();
});

Deno.test("WalSync: a database without a log keeps syncing itself", () => {
  using database = new DatabaseSync(":memory:");
  assertEquals(WalSync.open(database, ":memory:"), null);
  assertEquals(database.prepare("PRAGMA synchronous").get()!.synchronous, 2);
});
