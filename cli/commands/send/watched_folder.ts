import { dirname, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../../lib/coded_error.ts";
import { ifFound } from "../../../lib/if_found.ts";
import { sleep } from "../../../lib/sleep.ts";
import { fileFailure, statIfAny } from "../../file_failure.ts";
import { UsageError } from "../../command.ts";
import { createDirectoryOf } from "../../results_file.ts";
import { type Listed, listFiles } from "./files.ts";

/** A file counts as complete when it has not changed for so long. */
const SETTLE_MS = 500;
/** Not every file system reports changes. */
const LOOK_MS = 5_000;

/** How a folder is watched. */
export interface WatchOptions {
  /** Whether the folders in it are watched, too. */
  readonly recursive: boolean;
  /** Database of the files that were sent. */
  readonly journal: string;
  /** What they are sent to: the bus and the model. Files are sent to each once. */
  readonly target: string;
  /** Ends watching. */
  readonly signal: AbortSignal;
}

/** The images of a folder, and those that appear in it later, each once: across restarts, until it changes. */
export class WatchedFolder implements Disposable {
  readonly #folder: string;
  readonly #options: WatchOptions;
  readonly #journal: DatabaseSync;
  readonly #watcher: Deno.FsWatcher;
  /** Versions of files that were not there, or not complete, at the last look. */
  #unsettled = new Map<string, string>();
  /** Versions of files that were given out, by path. */
  readonly #given = new Map<string, string>();
  #changed = Promise.withResolvers<void>();

  private constructor(
    folder: string,
    options: WatchOptions,
    watcher: Deno.FsWatcher,
    journal: DatabaseSync,
  ) {
    this.#folder = folder;
    this.#options = options;
    this.#watcher = watcher;
    this.#journal = journal;
  }

  /**
   * Starts to watch.
   *
   * @param folder Its path.
   * @throws {UsageError} If it is not a folder or cannot be read, or the journal cannot be written.
   */
  static async open(folder: string, options: WatchOptions): Promise<WatchedFolder> {
    if (!(await statIfAny(folder))?.isDirectory) {
      throw new UsageError(`Cannot watch ${folder}: it is not a folder`);
    }
    await createDirectoryOf(options.journal);
    using opened = new DisposableStack();
    const watcher = opened.use(watch(folder, options.recursive));
    const journal = openJournal(options.journal);
    opened.move();
    return new WatchedFolder(folder, options, watcher, journal);
  }

  /** Lists the files until the signal aborts. */
  async *files(): AsyncGenerator<Listed, void, void> {
    const { signal } = this.#options;
    void this.#listen();
    while (!signal.aborted) {
      yield* this.#look();
      const pause = new AbortController();
      const end = AbortSignal.any([signal, pause.signal]);
      if (this.#unsettled.size > 0) await sleep(SETTLE_MS, signal);
      else await Promise.race([sleep(LOOK_MS, end), this.#changed.promise]);
      pause.abort();
      this.#changed = Promise.withResolvers();
    }
  }

  /**
   * Records that a file was sent.
   *
   * @param file As it was listed; others are ignored.
   */
  sent(file: string): void {
    const version = this.#given.get(file);
    if (version === undefined) return;
    const insert = "INSERT OR REPLACE INTO sent VALUES (?, ?, ?)";
    this.#journal.prepare(insert).run(this.#options.target, resolve(file), version);
  }

  async #listen(): Promise<void> {
    for await (const _event of this.#watcher) this.#changed.resolve();
  }

  async *#look(): AsyncGenerator<Listed, void, void> {
    const seen = new Map<string, string>();
    for await (const listed of listFiles([this.#folder], { recursive: true, onSkipped() {} })) {
      const { file } = listed;
      if (!this.#options.recursive && relative(this.#folder, dirname(file)) !== "") continue;
      const version = await this.#versionOf(file);
      if (version === undefined || this.#given.get(file) === version || this.#isSent(file, version)) continue;
      if (this.#unsettled.get(file) !== version) seen.set(file, version);
      else {
        this.#given.set(file, version);
        yield listed;
      }
    }
    this.#unsettled = seen;
  }

  async #versionOf(file: string): Promise<string | undefined> {
    const info = await ifFound(Deno.stat(file));
    return info?.isFile ? `${info.size} ${info.mtime?.getTime() ?? 0}` : undefined;
  }

  #isSent(file: string, version: string): boolean {
    const query = "SELECT 1 FROM sent WHERE target = ? AND path = ? AND version = ?";
    return this.#journal.prepare(query).get(this.#options.target, resolve(file), version) !== undefined;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#journal.close();
  }
}

function watch(folder: string, recursive: boolean): Deno.FsWatcher {
  try {
    return Deno.watchFs(folder, { recursive });
  } catch (cause) {
    // Deno adds the one of the folders in it that was refused: `… about ["inbox/below"]`.
    const [, refused = folder] = /about \["(.+)"\]$/s.exec(messageOf(cause)) ?? [];
    throw fileFailure("read", refused, cause);
  }
}

function openJournal(path: string): DatabaseSync {
  try {
    const journal = new DatabaseSync(path);
    journal.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000");
    journal.exec(
      "CREATE TABLE IF NOT EXISTS sent (target TEXT, path TEXT, version TEXT, PRIMARY KEY (target, path))",
    );
    return journal;
  } catch (cause) {
    throw fileFailure("write", path, cause);
  }
}
