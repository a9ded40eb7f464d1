import type { DatabaseSync } from "node:sqlite";

/**
 * Brings what SQLite has committed to the disk, beside the transactions: they hold the lock for writers only until the operating
 * system has their pages, the thread does not wait for the disk, and one wait serves all that was committed before it.
 *
 * With `PRAGMA synchronous = NORMAL` a commit in WAL mode is not synced; everything else is (the header of the log, and both files
 * at a checkpoint). So to sync the log after a commit makes it as durable as `FULL` does: https://www.sqlite.org/wal.html,
 * "Performance Considerations". Others can read it earlier, though. SQLite has its locks on other files: to close a descriptor of a
 * locked file would release them.
 */
export class WalSync implements Disposable {
  readonly #file: Deno.FsFile;
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  /**
   * Takes over the syncing of a database: sets `synchronous` to `NORMAL`.
   *
   * @param database In WAL mode. It is closed after this: as long as it is open, its log is one file.
   * @param path Of the database.
   * @returns `null` where the log cannot be opened; `synchronous` stays what it is.
   */
  static open(database: DatabaseSync, path: string): WalSync | null {
    const log = `${path}-wal`;
    // A prompt for the permission would interrupt the user for something that is optional.
    const isGranted = (name: "read" | "write") =>
      Deno.permissions.querySync({ name, path: log }).state === "granted";
    if (!isGranted("read") || !isGranted("write")) return null;
    try {
      // The first access after the change to WAL mode creates the log.
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
      const wal = new WalSync(Deno.openSync(log, { read: true, write: true }));
      database.exec("PRAGMA synchronous = NORMAL");
      return wal;
    } catch {
      // Locked at the moment, or not a file: SQLite goes on syncing.
      return null;
    }
  }

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Resolves when all that was committed before the call is on the disk.
   *
   * @throws {Error} The disk did not take it. All later calls throw the same: what comes after a gap in the log is lost with it.
   */
  sync(): Promise<void> {
    return this.#next ??= this.#last = this.#last.then(() => {
      this.#next = null;
      return this.#file.syncData();
    });
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
