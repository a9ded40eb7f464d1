import { DatabaseSync } from "node:sqlite";
import { identify } from "../../lib/sqlite.ts";
import { assertEquals } from "../../testing/assert.ts";

Deno.test("identify: a file whose tables are being created by another process is empty or complete, never of a stranger", async () => {
  const directory = await Deno.makeTempDir();
  try {
    using database = new DatabaseSync(`${directory}/new.db`);
    using other = new DatabaseSync(`${directory}/new.db`, { timeout: 0 });
    const read = database.prepare.bind(database);
    database.prepare = (sql) => {
      const statement = read(sql);
      // The other one is as fast as it can be: it creates all between two readings, unless that is locked.
      if (sql === "PRAGMA user_version") tryToCreate(other);
      return statement;
    };
    assertEquals(identify(database), { applicationId: 0, version: 0, isEmpty: true });
    tryToCreate(other);
    assertEquals(identify(database), { applicationId: 7, version: 1, isEmpty: false });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

function tryToCreate(database: DatabaseSync): void {
  try {
    database.exec("BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS messages (id); PRAGMA application_id = 7;");
    database.exec("PRAGMA user_version = 1; COMMIT");
  } catch {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}
