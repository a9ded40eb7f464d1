/** Only Linux (inotify) reports each write to a file that stays open, and soon. */
const CAN_WATCH = Deno.build.os === "linux";

/** Of the file beside the database, as SQLite's own `-wal` and `-shm`. */
const ENDING = "-bell";

/** Pause between two rings, in milliseconds: each wakes two threads in every process, the one that rings included. */
const PAUSE_MS = 2;

/**
 * Wakes other processes that wait for a change of a database. SQLite has no notification for them, so there is an empty
 * file beside it, which is truncated after each commit and watched.
 *
 * Watching the database itself, or its write-ahead log, would wake them up to ten times per commit, and before it is visible.
 * Setting the time of a file would do instead of truncating it, but only its owner may.
 */
export class Doorbell implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile | null | undefined;
  #rungAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param path Of the database. */
  constructor(path: string) {
    this.#path = `${path}${ENDING}`;
  }

  /** Wakes those who watch: now or, if it has just rung, soon. Where that is not possible, they find out at their next poll. */
  ring(): void {
    const pauseMs = this.#rungAt + PAUSE_MS - performance.now();
    if (pauseMs <= 0) this.#ringNow();
    else this.#timer ??= setTimeout(() => this.#ringNow(), pauseMs);
  }

  #ringNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#rungAt = performance.now();
    try {
      this.#open()?.truncateSync(0);
    } catch {
      // As when it could not be opened.
    }
  }

  /**
   * Watches.
   *
   * @param onRing Called after each change, whoever has made it; several may be one call.
   * @param onEnd Called when the watch has ended by itself.
   * @returns Ends the watch; `null` where it is not possible.
   */
  watch(onRing: () => void, onEnd: () => void): (() => void) | null {
    if (!this.#open()) return null;
    try {
      const watcher = Deno.watchFs(this.#path, { recursive: false });
      void follow(watcher, onRing, onEnd);
      return () => watcher.close();
    } catch {
      // The limit of watches is reached, or the file system does not support them.
      return null;
    }
  }

  #open(): Deno.FsFile | null {
    return this.#file ??= this.#file === null ? null : openFile(this.#path);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== undefined) this.#ringNow();
    this.#file?.close();
    this.#file = null;
  }
}

function openFile(path: string): Deno.FsFile | null {
  // A prompt for the permission would interrupt the user for something that is optional.
  const isGranted = (name: "read" | "write") =>
    Deno.permissions.querySync({ name, path }).state === "granted";
  if (!CAN_WATCH || !isGranted("read") || !isGranted("write")) return null;
  try {
    return Deno.openSync(path, { write: true, create: true });
  } catch {
    return null;
  }
}

async function follow(watcher: Deno.FsWatcher, onRing: () => void, onEnd: () => void): Promise<void> {
  try {
    for await (const { kind } of watcher) if (kind === "modify") onRing();
  } catch {
    // An error ends the watch like `close` does.
  }
  onEnd();
}
