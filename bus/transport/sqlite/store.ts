import type { Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { Log } from "./log.ts";
import type { SqliteSettings } from "./options.ts";
import { Retention } from "./retention.ts";
import { Writer } from "./writer.ts";

/** A connection to the database of a bus, with the objects that work on it. */
export class Store implements Disposable {
  readonly database: Database;
  readonly changes: Changes;
  readonly log: Log;
  readonly writer: Writer;
  readonly retention: Retention;

  constructor(database: Database, changes: Changes, settings: SqliteSettings) {
    this.database = database;
    this.changes = changes;
    this.log = new Log(database);
    this.retention = new Retention(database, settings);
    this.writer = new Writer(database, settings.busyTimeoutMs, {
      onStored: () => changes.notify(),
      onUnavailable: (reason) =>
        settings.onEvent?.(reason === null ? { type: "connected" } : { type: "disconnected", reason }),
    });
  }

  [Symbol.dispose](): void {
    this.writer.close();
    this.changes[Symbol.dispose]();
    this.database[Symbol.dispose]();
  }
}
