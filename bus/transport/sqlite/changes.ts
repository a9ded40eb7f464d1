import type { Database } from "./database.ts";

/** Pauses between polls: after a write to the file; after a change; at most without and with a file watch. */
const WRITTEN_PAUSE_MS = 1;
const CHANGED_PAUSE_MS = 2;
const SETTLED_PAUSE_MS = 8;
const WATCHED_PAUSE_MS = 250;

/** Notifies listeners that something in the database has changed, but not of what. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  /**
   * Adds a listener.
   *
   * @param listener Called after each change.
   * @returns Removes the listener.
   */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether there is a listener. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls all listeners. */
  notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/**
 * Notices the writes of other processes too. SQLite has no notification for them, only a counter
 * (`data_version`) that is cheap to read; waking up to read it is not. So two files are watched where that is
 * possible:
 *
 * - The database itself. Whoever has stored something sets its time afterwards, like a doorbell: the counter has
 *   changed by then, so one look is enough.
 * - The write-ahead log, for writers that do not ring, or cannot: only the owner of a file may set its time. The log
 *   changes before the commit becomes visible in the counter, so the counter is polled often for a while.
 */
export class PolledChanges extends Changes {
  readonly #database: Database;
  #version = 0;
  #changedAt = -Infinity;
  #pauseMs = WRITTEN_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watcher: Deno.FsWatcher | null = null;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  override listen(listener: () => void): () => void {
    const end = super.listen(listener);
    if (this.#timer === undefined) this.#start();
    return () => {
      end();
      if (!this.hasListeners) this.#stop();
    };
  }

  override notify(): void {
    ring(this.#database.path);
    super.notify();
  }

  #start(): void {
    this.#version = this.#database.version();
    this.#watcher = watchFiles(this.#database.path);
    if (this.#watcher) this.#follow(this.#watcher);
    this.#schedule(WRITTEN_PAUSE_MS);
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        if (kind !== "modify") continue;
        if (paths.every((path) => path.endsWith(LOG_ENDING))) this.#pollSoon();
        else this.#rung();
      }
    } catch {
      // An error ends the watch like `close` does.
    }
    if (this.#watcher === watcher) this.#watcher = null;
  }

  #schedule(pauseMs: number): void {
    this.#pauseMs = Math.min(pauseMs, this.#watcher ? WATCHED_PAUSE_MS : SETTLED_PAUSE_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), this.#pauseMs);
  }

  #pollSoon(): void {
    if (this.#pauseMs >= SETTLED_PAUSE_MS) this.#schedule(WRITTEN_PAUSE_MS);
  }

  /** Under load the next poll is soon enough: what is stored until then is read at once. */
  #rung(): void {
    if (performance.now() - this.#changedAt >= CHANGED_PAUSE_MS) this.#report();
  }

  #poll(): void {
    if (!this.#report()) this.#schedule(this.#pauseMs * 2);
  }

  /** Notifies the listeners if there was a change. */
  #report(): boolean {
    const changed = this.#hasChanged();
    if (changed) {
      this.#changedAt = performance.now();
      this.#schedule(CHANGED_PAUSE_MS);
      super.notify();
    }
    return changed;
  }

  #hasChanged(): boolean {
    try {
      const before = this.#version;
      this.#version = this.#database.version();
      return this.#version !== before;
    } catch {
      // The listeners run into the same error, in a place where it can be thrown to a caller.
      return true;
    }
  }

  #stop(): void {
    this.#watcher?.close();
    this.#watcher = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Only Linux (inotify) reports each write to a file that stays open, and soon. */
const CAN_WATCH = Deno.build.os === "linux";

const LOG_ENDING = "-wal";

/** Watches a database and its write-ahead log. */
function watchFiles(path: string): Deno.FsWatcher | null {
  if (!CAN_WATCH) return null;
  const paths = [path, `${path}${LOG_ENDING}`];
  // A prompt for the permission would interrupt the user for something that is optional.
  if (paths.some((path) => Deno.permissions.querySync({ name: "read", path }).state !== "granted")) {
    return null;
  }
  try {
    return Deno.watchFs(paths, { recursive: false });
  } catch {
    // The limit of watches is reached, or the file system does not support them.
    return null;
  }
}

/** Wakes those who watch a database. */
function ring(path: string): void {
  if (!CAN_WATCH) return;
  const now = new Date();
  try {
    Deno.utimeSync(path, now, now);
  } catch {
    // They notice the write to the log.
  }
}
