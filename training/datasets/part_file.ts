import { createHash } from "node:crypto";
import { ModelError } from "../../models/errors.ts";
import { explain, showUrl } from "../../models/read_url.ts";

/**
 * A file that is not whole yet: it is named `<target>.part` beside the target and takes its name when it is known to be
 * what it must be. So nothing half-written ever has the target's name.
 *
 * Only one process has it at a time. When it is disposed of it stays, to be gone on with, unless it is empty.
 */
export class PartFile implements AsyncDisposable {
  readonly #target: URL;
  readonly #url: URL;
  readonly #file: Deno.FsFile;
  #size: number;
  #isOpen = true;

  private constructor(target: URL, file: Deno.FsFile, size: number) {
    this.#target = target;
    this.#url = partOf(target);
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens the file with what an earlier run left in it.
   *
   * @param target What it will become; its folder is there.
   * @returns The file, for this process alone.
   * @throws {ModelError} `not_found`, `denied`; `unavailable` if another process has it.
   */
  static async open(target: URL): Promise<PartFile> {
    const url = partOf(target);
    let file: Deno.FsFile;
    try {
      file = await Deno.open(url, { create: true, read: true, write: true });
    } catch (cause) {
      throw explain(url, cause, "write");
    }
    if (await file.tryLock(true)) return new PartFile(target, file, await file.seek(0, Deno.SeekMode.End));
    file.close();
    throw new ModelError("unavailable", `${showUrl(url)} is being written by another process; wait for it`);
  }

  /** Bytes written so far, those of an earlier run included. */
  get size(): number {
    return this.#size;
  }

  /** Where it is while it is not whole. */
  get url(): URL {
    return this.#url;
  }

  /**
   * Writes at the end.
   *
   * @param bytes All of them are written.
   * @throws {ModelError} `unavailable` (a full disk) or `denied`; then the file is removed.
   */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.byteLength;) at += await this.#file.write(bytes.subarray(at));
    } catch (cause) {
      await this.discard();
      throw explain(this.#target, cause, "write");
    }
    this.#size += bytes.byteLength;
  }

  /** Forgets what was written. */
  async empty(): Promise<void> {
    await this.#file.truncate(0);
    await this.#file.seek(0, Deno.SeekMode.Start);
    this.#size = 0;
  }

  /**
   * Hashes what was written.
   *
   * @returns The MD5 in 32 hexadecimal digits, lower case.
   */
  async md5(): Promise<string> {
    await this.#file.seek(0, Deno.SeekMode.Start);
    return await hash(async (buffer) => await this.#file.read(buffer));
  }

  /**
   * Gives the file its name, in place of whatever has that name.
   *
   * @throws {ModelError} `denied`, `unavailable`.
   */
  async commit(): Promise<void> {
    try {
      await this.#file.sync();
      this.#close();
      await Deno.rename(this.#url, this.#target);
    } catch (cause) {
      await this.discard();
      throw explain(this.#target, cause, "write");
    }
  }

  /** Removes the file. */
  async discard(): Promise<void> {
    this.#close();
    await Deno.remove(this.#url).catch(() => {}); // It may be gone already.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    if (this.#size === 0) await this.discard();
    else this.#close();
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/**
 * Hashes a file.
 *
 * @param url The file.
 * @returns Its MD5 in 32 hexadecimal digits, lower case, and its size.
 * @throws {ModelError} `not_found`, `denied`, `unavailable`.
 */
export async function md5OfFile(url: URL): Promise<{ md5: string; bytes: number }> {
  try {
    using file = await Deno.open(url);
    return { bytes: (await file.stat()).size, md5: await hash(async (buffer) => await file.read(buffer)) };
  } catch (cause) {
    throw explain(url, cause);
  }
}

function partOf(target: URL): URL {
  return new URL(`${target.href}.part`);
}

async function hash(read: (buffer: Uint8Array) => Promise<number | null>): Promise<string> {
  const md5 = createHash("md5");
  const buffer = new Uint8Array(262_144);
  for (let count = await read(buffer); count !== null; count = await read(buffer)) {
    md5.update(buffer.subarray(0, count));
  }
  return md5.digest("hex");
}
