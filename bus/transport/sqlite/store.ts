import type { Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { Log } from "./log.ts";
import { Retention, type RetentionSettings } from "./retention.ts";
import { Writer } from "./writer.ts";

/** Settings of a {@linkcode Store}. */
export interface StoreSettings extends RetentionSettings {
  readonly busyTimeoutMs: number;
  /** Called with a reason when work was refused, and with `null` after the next success. */
  readonly onUnavailable: (reason: string | null) => void;
}

/** A connection to the database of a bus, with the objects that work on it. */
export class Store implements Disposable {
  readonly database: Database;
  readonly changes: Changes;
  readonly log: Log;
  readonly writer: Writer;
  readonly retention: Retention;

  constructor(database: Database, changes: Changes, settings: StoreSettings) {
    const { busyTimeoutMs, onUnavailable } = settings;
    this.database = database;
    this.changes = changes;
    this.log = new Log(database);
    this.retention = new Retention(database, settings);
    this.writer = new Writer(database, busyTimeoutMs, { onStored: () => changes.notify(), onUnavailable });
  }

  [Symbol.dispose](): void {
    this.writer.close();
    this.database[Symbol.dispose]();
  }
}
