import { ifFound } from "../../lib/if_found.ts";

/** A file that one process holds locked; it is removed when the lock is released. */
export class LockFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Acquires the lock, and creates the file if there is none.
   *
   * @param path The file.
   * @returns `null` if another process holds it.
   * @throws Errors of the file system.
   */
  static async acquire(path: string): Promise<LockFile | null> {
    while (true) {
      const file = await Deno.open(path, { write: true, create: true });
      const isLocked = await file.tryLock(true);
      // The holder before may have removed the file after it was opened here.
      const there = isLocked && await ifFound(Deno.stat(path));
      if (there && there.ino === (await file.stat()).ino) return new LockFile(path, file);
      file.close();
      if (!isLocked) return null;
    }
  }

  /** Releases the lock. */
  release(): void {
    try {
      Deno.removeSync(this.#path);
    } catch {
      // It is gone, or cannot be removed while it is open: the lock does not depend on it.
    }
    this.#file.close();
  }
}
