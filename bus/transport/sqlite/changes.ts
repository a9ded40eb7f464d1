import type { Database } from "./database.ts";
import { watchFile } from "./watch_file.ts";

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
  #unwatch: (() => void) | null = null;

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
    const unwatch = watchFile(`${this.#database.path}-wal`, {
      onWrite: () => this.#pollSoon(),
      onEnd: () => {
        if (this.#unwatch === unwatch) this.#unwatch = null;
      },
    });
    this.#unwatch = unwatch;
    this.#schedule(WRITTEN_PAUSE_MS);
  }

  #schedule(pauseMs: number): void {
    this.#pauseMs = Math.min(pauseMs, this.#unwatch ? WATCHED_PAUSE_MS : SETTLED_PAUSE_MS);
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
    this.#unwatch?.();
    this.#unwatch = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
