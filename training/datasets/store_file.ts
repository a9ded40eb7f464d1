import { messageOf } from "../../lib/coded_error.ts";
import { ModelError } from "../../models/errors.ts";
import type { OfficialDataSet, OfficialFile } from "./official.ts";
import { PartFile } from "./part_file.ts";
import { checkOfficialForm } from "./read_official.ts";

/** How much larger than the official file one may be that is taken all the same. */
const MAX_EXCESS = 1.25;

/** A file at hand. */
export interface Source {
  /** How it is called in messages. */
  readonly name: string;
  /** Its content. */
  readonly content: ReadableStream<Uint8Array>;
}

/** Where a file goes, and what is let pass. */
export interface Destination {
  /** The data set that it belongs to. */
  readonly set: OfficialDataSet;
  /** Which of its files it is to be. */
  readonly file: OfficialFile;
  /** Where it goes; its directory is there. */
  readonly target: URL;
  /** Whether a file of the right form is taken that is not the official one. */
  readonly unverified: boolean;
}

/**
 * Copies a file of a published data set to its place, if it is the official one.
 *
 * @param source The file at hand.
 * @param destination Where it goes, and what is let pass.
 * @returns Whether it is the official one; else it is of the right form.
 * @throws {ModelError} `damaged`, with both checksums, or of another form; `denied`; `unavailable`: the disk is full. Then
 * there is nothing new at the target.
 */
export async function storeFile(source: Source, destination: Destination): Promise<boolean> {
  const { set, file, target, unverified } = destination;
  await using part = await PartFile.open(target);
  try {
    await part.empty();
    await fill(part, source, file.bytes);
    const md5 = await part.md5();
    const isOfficial = md5 === file.md5;
    if (!isOfficial && !unverified) throw notOfficial(source.name, md5, file);
    if (!isOfficial) {
      await checkOfficialForm(set, file.name, part.url).catch((error) => refuse(source, error));
    }
    await part.commit();
    return isOfficial;
  } catch (error) {
    await part.discard();
    throw error;
  }
}

/**
 * Says that a file is not the official one.
 *
 * @param place The file, as it is called in messages.
 * @param md5 What it has.
 * @param file What it is to be.
 * @returns The error to throw.
 */
export function notOfficial(place: string, md5: string, file: OfficialFile): ModelError {
  const message = `${place} is not the official file: its MD5 is ${md5}, the official one ${file.md5};` +
    " --unverified takes it all the same, if it is of the right form";
  return new ModelError("damaged", message);
}

async function fill(part: PartFile, { name, content }: Source, bytes: number): Promise<void> {
  try {
    for await (const chunk of content) {
      await part.append(chunk);
      if (part.size <= bytes * MAX_EXCESS) continue;
      const message = `${name} is much larger than the official file, which has ${bytes} bytes`;
      throw new ModelError("damaged", message);
    }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    const reason = messageOf(cause);
    throw new ModelError("damaged", `${name} can't be read: ${reason}`, { cause });
  }
}

function refuse({ name }: Source, cause: unknown): never {
  if (!(cause instanceof ModelError)) throw cause;
  throw new ModelError(cause.code, `${name} is not taken: ${cause.message}`, { cause });
}
