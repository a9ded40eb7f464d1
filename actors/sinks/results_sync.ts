import type { DatabaseSync } from "node:sqlite";
import { WalSync } from "../../lib/wal_sync.ts";
import { SinkError } from "./errors.ts";

/** Brings results to the disk, again after it has refused them. */
export class ResultsSync implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  #log: WalSync | null;
  #isRefused = false;

  /**
   * @param database In WAL mode. It is closed after this.
   * @param path Of the database.
   */
  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#log = WalSync.open(database, path);
  }

  /**
   * Resolves when all that was committed before the call is on the disk.
   *
   * @throws {Error} The disk did not take it, or what it did not take before is being read by another program.
   */
  async sync(): Promise<void> {
    if (this.#isRefused) this.#renew();
    try {
      await this.#log?.sync();
    } catch (error) {
      this.#isRefused = true;
      throw error;
    }
  }

  /** The operating system takes refused pages of the log for written. So they are written elsewhere: into the database file. */
  #renew(): void {
    const { busy } = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()!;
    if (busy !== 0) {
      throw new SinkError("failed", `Cannot store results in ${this.#path}: another program is reading it`);
    }
    this.#log?.[Symbol.dispose]();
    this.#log = WalSync.open(this.#database, this.#path);
    this.#isRefused = false;
  }

  [Symbol.dispose](): void {
    this.#log?.[Symbol.dispose]();
  }
}
