import { createHash } from "node:crypto";
import { ModelError } from "../../models/errors.ts";
import { explain, showUrl } from "../../models/read_url.ts";

/**
 * An incomplete file: it is named `<target>.part` and is renamed to the target once its content has been
 * verified, so a file that has the target's name is complete.
 *
 * Only one process can have it open. When it is disposed of, it stays for a later run to resume, unless it is
 * empty.
 */
export class PartFile implements AsyncDisposable {
  /** Where the incomplete file is. */
  readonly url: URL;
  readonly #target: URL;
  readonly #file: Deno.FsFile;
  #size: number;
  #isOpen = true;

  private constructor(target: URL, url: URL, file: Deno.FsFile, size: number) {
    this.#target = target;
    this.url = url;
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens the file with what an earlier run left in it.
   *
   * @param target The complete file; its directory exists.
   * @returns The file, locked for this process.
   * @throws {ModelError} `not_found`, `denied`; `unavailable`: another process has it open.
   */
  static async open(target: URL): Promise<PartFile> {
    const url = new URL(`${target.href}.part`);
    const file = await Deno.open(url, { create: true, read: true, write: true }).catch((cause) => {
      throw explain(url, cause, "write");
    });
    if (await file.tryLock(true)) {
      return new PartFile(target, url, file, await file.seek(0, Deno.SeekMode.End));
    }
    file.close();
    throw new ModelError(
      "unavailable",
      `Cannot write ${showUrl(url)}: another process is writing it; wait until that process has finished`,
    );
  }

  /** Bytes written so far, those of an earlier run included. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends bytes.
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

  /** Discards the content. */
  async empty(): Promise<void> {
    await this.#file.truncate(0);
    await this.#file.seek(0, Deno.SeekMode.Start);
    this.#size = 0;
  }

  /** MD5 of the content: 32 lower-case hexadecimal digits. */
  async md5(): Promise<string> {
    await this.#file.seek(0, Deno.SeekMode.Start);
    return await md5Of(this.#file);
  }

  /**
   * Renames the file to its target, replacing what is there.
   *
   * @throws {ModelError} `denied`, `unavailable`.
   */
  async commit(): Promise<void> {
    try {
      await this.#file.sync();
      this.#close();
      await Deno.rename(this.url, this.#target);
    } catch (cause) {
      await this.discard();
      throw explain(this.#target, cause, "write");
    }
  }

  /** Removes the file. */
  async discard(): Promise<void> {
    this.#close();
    await Deno.remove(this.url).catch(() => {}); // It may be gone already.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen && this.#size === 0) await this.discard();
    this.#close();
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/**
 * Computes the MD5 of a file.
 *
 * @param url The file.
 * @returns 32 lower-case hexadecimal digits.
 * @throws {ModelError} `not_found`, `denied`, `unavailable`.
 */
export async function md5OfFile(url: URL): Promise<string> {
  try {
    using file = await Deno.open(url);
    return await md5Of(file);
  } catch (cause) {
    throw explain(url, cause);
  }
}

async function md5Of(file: Deno.FsFile): Promise<string> {
  const md5 = createHash("md5");
  const buffer = new Uint8Array(262_144);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    md5.update(buffer.subarray(0, count));
  }
  return md5.digest("hex");
}
