import type { Database } from "./database.ts";
import { Doorbell } from "./doorbell.ts";

/** Pauses between polls: after a change; without a doorbell at most; with one. */
const CHANGED_PAUSE_MS = 2;
const SETTLED_PAUSE_MS = 8;
const WATCHED_PAUSE_MS = 250;

/** Notifies listeners that something in the database has changed, but not of what. */
export class Changes implements Disposable {
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

  [Symbol.dispose](): void {
    this.#listeners.clear();
  }
}

/**
 * Notices the writes of other processes too: each rings a {@linkcode Doorbell} after its commit, and only then the counter
 * of changes (`data_version`) is read. Where there is no doorbell the counter is polled often, and where there is
 * one, seldom: a process can be killed before it rings.
 */
export class PolledChanges extends Changes {
  readonly #database: Database;
  readonly #bell: Doorbell;
  #version = 0;
  #changedAt = -Infinity;
  #pauseMs = CHANGED_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endWatch: (() => void) | null = null;

  constructor(database: Database) {
    super();
    this.#database = database;
    this.#bell = new Doorbell(database.path);
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
    this.#bell.ring();
    super.notify();
  }

  #start(): void {
    this.#version = this.#database.version();
    const end = this.#endWatch = this.#bell.watch(() => this.#rung(), () => {
      if (this.#endWatch === end) this.#endWatch = null;
    });
    this.#schedule(CHANGED_PAUSE_MS);
  }

  /** Under load a look every few milliseconds is soon enough: what is stored until then is read at once. */
  #rung(): void {
    if (performance.now() - this.#changedAt >= CHANGED_PAUSE_MS) this.#look();
    else if (this.#pauseMs > CHANGED_PAUSE_MS) this.#schedule(CHANGED_PAUSE_MS);
  }

  #schedule(pauseMs: number): void {
    this.#pauseMs = pauseMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), pauseMs);
  }

  #poll(): void {
    const changed = this.#look();
    const pauseMs = changed ? CHANGED_PAUSE_MS : Math.min(2 * this.#pauseMs, SETTLED_PAUSE_MS);
    this.#schedule(this.#endWatch ? WATCHED_PAUSE_MS : pauseMs);
  }

  /** Notifies the listeners if there was a change. */
  #look(): boolean {
    const changed = this.#hasChanged();
    if (changed) {
      this.#changedAt = performance.now();
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
    this.#endWatch?.();
    this.#endWatch = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#stop();
    this.#bell[Symbol.dispose]();
  }
}
