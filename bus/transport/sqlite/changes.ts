import type { Database } from "./database.ts";
import { watchFile } from "./watch_file.ts";

/** Pauses between two looks: after the file was written to; after a change was seen; at most with and without a watch. */
const WRITTEN_PAUSE_MS = 1;
const CHANGED_PAUSE_MS = 4;
const SETTLED_PAUSE_MS = 8;
const WATCHED_PAUSE_MS = 250;

/** Tells whoever listens that something in the database has changed; says not what. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  /**
   * Starts to listen.
   *
   * @param listener Called after each change.
   * @returns Ends it.
   */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether anybody listens. */
  get heard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Tells everybody. */
  notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/**
 * Sees what other processes write, too. SQLite has no signal for it, only a counter that is cheap to read; what costs is to
 * wake up for it. So the write-ahead log is watched, where that works, and the counter read often only after it was written
 * to: the write shows before the commit counts.
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
      if (!this.heard) this.#stop();
    };
  }

  #start(): void {
    this.#version = this.#database.version();
    const unwatch = watchFile(`${this.#database.path}-wal`, {
      onWrite: () => this.#written(),
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
    this.#timer = setTimeout(() => this.#look(), this.#pauseMs);
  }

  #written(): void {
    if (this.#pauseMs >= SETTLED_PAUSE_MS) this.#schedule(WRITTEN_PAUSE_MS);
  }

  #look(): void {
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
      // Whoever is told meets the same error where it can be thrown to somebody.
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
