import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { messageOf } from "../../../lib/coded_error.ts";
import { identify } from "../../../lib/sqlite.ts";
import { WalSync } from "../../../lib/wal_sync.ts";
import { BusError } from "../errors.ts";
import { toBusError } from "./errors.ts";
import type { Synchronous } from "./options.ts";
import { APPLICATION_ID, PAGE_BYTES, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** SQLite's own wait for a lock blocks the thread, so it is short; the writer does the longer waits. */
const LOCK_WAIT_MS = 1;

/** A checkpoint blocks too: with this many pages (4 MiB) it takes about 20 ms. */
const CHECKPOINT_PAGES = 512;
const WAL_KEPT_BYTES = 64 * 1_024 * 1_024;

/** The database of a bus: prepares each statement once, and throws SQLite's errors as bus errors. */
export class Database implements Disposable {
  /** Path of the file, or `:memory:`. */
  readonly path: string;
  /** Called after a rollback. */
  onRollback: () => void = () => {};
  /** Number of transactions begun so far. */
  transactions = 0;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #walSync: WalSync | null = null;

  /**
   * Opens a bus, or creates it.
   *
   * @param path The file; its directory must exist.
   * @param synchronous How durable commits are.
   * @throws {BusError} `denied`, `corrupt`, `invalid` (not a bus, or created by a newer version), `unavailable` (locked at
   * the moment).
   */
  constructor(path: string, synchronous: Synchronous) {
    this.path = path;
    try {
      this.#database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
    } catch (error) {
      throw toBusError(error, path);
    }
    try {
      this.#prepareFile(synchronous);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #prepareFile(synchronous: Synchronous): void {
    const isNew = this.#check();
    if (isNew) this.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    this.get("PRAGMA journal_mode = WAL");
    this.get(`PRAGMA synchronous = ${synchronous}`);
    if (synchronous === "full") this.get("PRAGMA fullfsync = 1");
    this.get(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    this.get(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
    // Another process may have created the tables in the meantime.
    if (isNew) this.transaction(() => this.#check() && SCHEMA.forEach((statement) => this.run(statement)));
    if (synchronous === "full") this.#walSync = WalSync.open(this.#database, this.path);
  }

  /** Whether the file is empty; throws if it is not a bus. */
  #check(): boolean {
    const { applicationId, version, isEmpty } = this.#guard(() => identify(this.#database));
    if (isEmpty) return true;
    if (applicationId !== APPLICATION_ID) {
      throw new BusError(
        "invalid",
        `Cannot open the bus "${this.path}": it is the database of another program; choose another file`,
      );
    }
    if (version <= SCHEMA_VERSION) return false;
    throw new BusError(
      "invalid",
      `Cannot open the bus "${this.path}": it has schema ${version}, this imagebus supports up to ${SCHEMA_VERSION}; update it`,
    );
  }

  /** A number that changes whenever another connection has changed the file. */
  version(): number {
    return this.get<{ data_version: number }>("PRAGMA data_version")!.data_version;
  }

  /** Runs a statement; returns the number of changed rows. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** The first row of a query, if there is one. */
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values) as Row | undefined);
  }

  /** All rows of a query. `iterate` of Deno 2.9.6 is not used: it hides that the file is damaged. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values) as Row[]);
  }

  /**
   * Runs work in a transaction that excludes all other writers from its start.
   *
   * @param work Must not await.
   * @throws What the work throws; then nothing of it is stored.
   */
  transaction<T>(work: () => T): T {
    this.run("BEGIN IMMEDIATE");
    this.transactions++;
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /**
   * Brings all that was committed to the disk, as far as a commit does not wait for that.
   *
   * @returns `null` if there is nothing to wait for.
   * @throws {BusError} `unavailable`; then every later call throws it too.
   */
  sync(): Promise<void> | null {
    return this.#walSync?.sync().catch((cause) => {
      throw new BusError(
        "unavailable",
        `Cannot use the bus "${this.path}": the disk did not take what was written (${
          messageOf(cause)
        }); check the disk, then start the program again`,
        { cause },
      );
    }) ?? null;
  }

  #rollback(): void {
    // On a full or failing disk SQLite has rolled back already.
    if (this.#database.isTransaction) this.run("ROLLBACK");
    this.onRollback();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toBusError(error, this.path);
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#walSync?.[Symbol.dispose]();
    this.#database.close();
  }
}
