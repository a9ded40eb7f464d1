import type { Database } from "./database.ts";

/** Pauses between polls: after a write to the file; after a change; at most without and with a file watch. */
const WRITTEN_PAUSE_MS = 1;
const CHANGED_PAUSE_MS = 4;
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
 * (`data_version`) that is cheap to read; waking up to read it is not. So the write-ahead log is watched
 * where that is possible, and the counter is polled often only after a write to the log: the file changes
 * before the commit becomes visible in the counter.
 */
export class PolledChanges extends Changes {
  readonly #database: Database;
  #version = 0;
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

  #start(): void {
    this.#version = this.#database.version();
    this.#watcher = watchFile(`${this.#database.path}-wal`);
    if (this.#watcher) this.#follow(this.#watcher);
    this.#schedule(WRITTEN_PAUSE_MS);
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind } of watcher) if (kind === "modify") this.#pollSoon();
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

  #poll(): void {
    const changed = this.#hasChanged();
    this.#schedule(changed ? CHANGED_PAUSE_MS : this.#pauseMs * 2);
    if (changed) this.notify();
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
function watchFile(path: string): Deno.FsWatcher | null {
  if (Deno.build.os !== "linux") return null;
  // A prompt for the permission would interrupt the user for something that is optional.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return null;
  try {
    return Deno.watchFs(path, { recursive: false });
  } catch {
    // The limit of watches is reached, or the file system does not support them.
    return null;
  }
}
