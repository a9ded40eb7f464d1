import { messageOf } from "../../lib/coded_error.ts";
import { ModelError } from "../../models/errors.ts";
import { inspectContent, notOfficial } from "./inspect.ts";
import type { OfficialDataSet, OfficialFile } from "./official.ts";
import { PartFile } from "./part_file.ts";

/** Maximum size of an unverified file, relative to the official one. */
const MAX_EXCESS = 1.25;

/** What to copy, what it becomes, and what is accepted. */
export interface StoreOptions {
  /** The data set that the file belongs to. */
  readonly set: OfficialDataSet;
  /** The expected file. */
  readonly file: OfficialFile;
  /** Where the content comes from, for messages. */
  readonly place: string;
  readonly content: ReadableStream<Uint8Array>;
  /** Where it goes; its directory exists. */
  readonly target: URL;
  /** Whether a file of the right form with other content is accepted. */
  readonly unverified: boolean;
}

/**
 * Copies a file of a published data set to its place, if it is the official one.
 *
 * @param options What to copy, what it becomes, and what is accepted.
 * @returns Whether it is the official one; otherwise it has the right form.
 * @throws {ModelError} `damaged`: not the official file (with both checksums) or not of its form; `denied`;
 * `unavailable`: the disk is full. Then the target is unchanged.
 */
export async function storeFile(options: StoreOptions): Promise<boolean> {
  const { set, file, place, target, unverified } = options;
  await using part = await PartFile.open(target);
  await part.empty();
  try {
    await fill(part, options);
    const md5 = await part.md5();
    const { state, message } = await inspectContent(set, file, part.url, md5);
    if (state !== "official" && !unverified) throw new ModelError("damaged", notOfficial(place, md5, file));
    if (state === "damaged") throw new ModelError("damaged", `Cannot accept ${place}: ${message}`);
    await part.commit();
    return state === "official";
  } catch (error) {
    await part.discard();
    throw error;
  }
}

async function fill(part: PartFile, { content, file: { bytes }, place }: StoreOptions): Promise<void> {
  try {
    for await (const chunk of content) {
      await part.append(chunk);
      if (part.size <= bytes * MAX_EXCESS) continue;
      throw new ModelError(
        "damaged",
        `${place} is much larger than the official file, which has ${bytes} bytes`,
      );
    }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError("damaged", `Cannot read ${place}: ${messageOf(cause)}`, { cause });
  }
}
