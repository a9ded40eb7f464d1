import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import type { OfficialDataSet, OfficialFile } from "./official.ts";
import { md5OfFile } from "./part_file.ts";
import { checkOfficialForm } from "./read_official.ts";
import { notOfficial } from "./store_file.ts";

/**
 * What a file is found to be.
 *
 * | state | meaning |
 * |---|---|
 * | `official` | size and MD5 are the published ones |
 * | `unofficial` | of the right form, with other content |
 * | `damaged` | not of the right form |
 * | `missing` | not there |
 */
export type FileState = "official" | "unofficial" | "damaged" | "missing";

/** A file of a published data set that was looked at. */
export interface InspectedFile {
  /** What it must be. */
  readonly file: OfficialFile;
  /** Where it is, or should be. */
  readonly url: URL;
  /** What it is. */
  readonly state: FileState;
  /** Where it is not official: one line for people. */
  readonly message?: string;
}

/**
 * Compares a file with the published one.
 *
 * @param set What it belongs to.
 * @param file What it must be.
 * @param directory The directory of all data sets.
 * @returns What it is.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function inspectFile(
  set: OfficialDataSet,
  file: OfficialFile,
  directory: URL,
): Promise<InspectedFile> {
  const url = new URL(`${set.folder}/${file.name}`, directory);
  try {
    const { md5 } = await md5OfFile(url);
    if (md5 === file.md5) return { file, url, state: "official" };
    await checkOfficialForm(set, file.name, url);
    return { file, url, state: "unofficial", message: notOfficial(showUrl(url), md5, file).message };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const { code, message } = error;
    if (code === "not_found") return { file, url, state: "missing", message };
    if (code === "damaged") return { file, url, state: "damaged", message };
    throw error;
  }
}
