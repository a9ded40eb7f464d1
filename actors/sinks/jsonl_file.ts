import { basename, dirname } from "node:path";
import { SinkError } from "./errors.ts";
import { LockFile } from "./lock_file.ts";
import { concatBytes } from "../../lib/bytes.ts";
import { explainFileError } from "../../lib/file_errors.ts";

/** Limits of a file of lines. */
export interface JsonlFileOptions {
  /** Largest size of the file in bytes; before it would grow beyond, it is rotated. */
  readonly maxBytes: number;
  /** How many rotated files are kept. */
  readonly keep: number;
  /** How many of the last lines are read when it is opened; rounded up to whole files. */
  readonly remember: number;
  /** Receives those lines, the oldest first. */
  readonly onLine: (line: string) => void;
}

/** A file that grows by whole lines only, and is rotated when it is full. Locked while it is open. */
export class JsonlFile {
  readonly #path: string;
  readonly #options: JsonlFileOptions;
  readonly #lock: LockFile;
  #file: Deno.FsFile;
  /** Size of the whole, synced lines in bytes. What is beyond was left by a failed write. */
  #size = 0;

  private constructor(path: string, options: JsonlFileOptions, lock: LockFile, file: Deno.FsFile) {
    this.#path = path;
    this.#options = options;
    this.#lock = lock;
    this.#file = file;
  }

  /**
   * Opens the file, reads its lines, and truncates an incomplete line at its end.
   *
   * @throws {SinkError} `invalid` when it cannot be opened, or is in use.
   * @throws What `onLine` throws.
   */
  static async open(path: string, options: JsonlFileOptions): Promise<JsonlFile> {
    let lock: LockFile | undefined;
    let file: Deno.FsFile | undefined;
    try {
      lock = await LockFile.acquire(`${path}.lock`) ?? inUse(path);
      file = await openToAppend(path);
      for (const older of await olderFiles(path, options.remember)) await readLines(older, options.onLine);
      const opened = new JsonlFile(path, options, lock, file);
      opened.#size = await readLines(path, options.onLine);
      await opened.#truncate();
      return opened;
    } catch (cause) {
      lock?.release();
      file?.close();
      if (cause instanceof SinkError || cause instanceof Deno.errors.NotCapable) throw cause;
      throw new SinkError("invalid", explainFileError("write", path, cause).message, { cause });
    }
  }

  /**
   * Appends whole lines. Resolves when they are synced. When it rejects, the file is as before.
   *
   * @param lines Each with its line feed.
   */
  async append(lines: string): Promise<void> {
    const bytes = new TextEncoder().encode(lines);
    await this.#recover();
    if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) await this.#rotate();
    try {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
      await this.#file.sync();
      this.#size += bytes.length;
    } catch (error) {
      // After a failed fsync Linux marks the pages as clean: a second fsync would succeed without writing
      // them.
      await this.#truncate().catch(() => {});
      throw error;
    }
  }

  // deno-lint-ignore require-await -- closing is synchronous, the contract of sinks is not
  async close(): Promise<void> {
    this.#file.close();
    this.#lock.release();
  }

  /** Someone may have moved or removed the file, and the last write may have left half of a line. */
  async #recover(): Promise<void> {
    const [there, own] = await Promise.all([Deno.stat(this.#path).catch(() => null), this.#file.stat()]);
    if (there === null || there.ino !== own.ino) {
      const file = await openToAppend(this.#path);
      this.#file.close();
      this.#file = file;
      this.#size = (await file.stat()).size;
    } else if (own.size !== this.#size) await this.#truncate();
  }

  async #truncate(): Promise<void> {
    await this.#file.truncate(this.#size);
    await this.#file.sync();
  }

  async #rotate(): Promise<void> {
    const numbers = await rotated(this.#path);
    await Deno.rename(this.#path, pathOf(this.#path, (numbers.at(-1) ?? 0) + 1));
    const file = await openToAppend(this.#path);
    this.#file.close();
    this.#file = file;
    this.#size = 0;
    const tooMany = Math.max(0, numbers.length + 1 - this.#options.keep);
    for (const number of (await rotated(this.#path)).slice(0, tooMany)) {
      await Deno.remove(pathOf(this.#path, number));
    }
  }
}

function inUse(path: string): never {
  throw new SinkError(
    "invalid",
    `Cannot open the results file ${path}: another service writes it; choose one file per service`,
  );
}

/** The name must be as durable as the lines: the directory is synced, where the system allows it. */
async function openToAppend(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { append: true, create: true });
  if (Deno.build.os !== "windows") {
    using directory = await Deno.open(dirname(path));
    await directory.sync();
  }
  return file;
}

function pathOf(path: string, number: number): string {
  return `${path}.${number}`;
}

/** Numbers of the rotated files, the oldest first. */
async function rotated(path: string): Promise<number[]> {
  const numbers: number[] = [];
  const prefix = `${basename(path)}.`;
  for await (const { name } of Deno.readDir(dirname(path))) {
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (/^[1-9]\d*$/.test(number)) numbers.push(Number(number));
  }
  return numbers.sort((a, b) => a - b);
}

/** The rotated files that, with the file itself, hold the last lines; the oldest first. */
async function olderFiles(path: string, lines: number): Promise<string[]> {
  const files: string[] = [];
  let missing = lines - await countLines(path);
  for (const number of (await rotated(path)).reverse()) {
    if (missing <= 0) break;
    files.unshift(pathOf(path, number));
    missing -= await countLines(files[0]!);
  }
  return files;
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const chunk of (await Deno.open(path)).readable) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++;
  }
  return count;
}

/**
 * Reads a file line by line.
 *
 * @returns Size of its whole lines in bytes: what follows the last line feed is not counted.
 */
async function readLines(path: string, onLine: (line: string) => void): Promise<number> {
  const decoder = new TextDecoder();
  let size = 0;
  let rest: Uint8Array[] = [];
  for await (const chunk of (await Deno.open(path)).readable) {
    let from = 0;
    for (let end; (end = chunk.indexOf(10, from)) >= 0; from = end + 1) {
      const line = concatBytes([...rest, chunk.subarray(from, end)]);
      rest = [];
      onLine(decoder.decode(line));
      size += line.length + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  return size;
}
