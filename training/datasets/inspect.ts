import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import type { OfficialDataSet, OfficialFile } from "./official.ts";
import { md5OfFile } from "./part_file.ts";
import { checkOfficialForm } from "./read_official.ts";

/**
 * State of a file of a published data set.
 *
 * | state | meaning |
 * |---|---|
 * | `official` | its MD5 is the published one |
 * | `unofficial` | it has the right form, with other content |
 * | `damaged` | it does not have the right form |
 * | `missing` | it does not exist |
 */
export type FileState = "official" | "unofficial" | "damaged" | "missing";

/** A file of a published data set, compared with the official one. */
export interface InspectedFile {
  readonly state: FileState;
  /** Why it is not official, in one line. */
  readonly message?: string;
}

/**
 * Compares a file with the official one.
 *
 * @param set The data set that it belongs to.
 * @param file The expected file.
 * @param directory The data directory.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function inspectFile(
  set: OfficialDataSet,
  file: OfficialFile,
  directory: URL,
): Promise<InspectedFile> {
  const url = new URL(`${set.folder}/${file.name}`, directory);
  try {
    return await inspectContent(set, file, url, await md5OfFile(url));
  } catch (error) {
    if (!(error instanceof ModelError && error.code === "not_found")) throw error;
    return { state: "missing", message: error.message };
  }
}

/**
 * Compares content with that of an official file.
 *
 * @param set The data set that it belongs to.
 * @param file The expected file.
 * @param url Where the content is.
 * @param md5 Its MD5.
 * @returns Never `missing`.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function inspectContent(
  set: OfficialDataSet,
  file: OfficialFile,
  url: URL,
  md5: string,
): Promise<InspectedFile> {
  if (md5 === file.md5) return { state: "official" };
  try {
    await checkOfficialForm(set, file.name, url);
  } catch (error) {
    if (!(error instanceof ModelError && error.code === "damaged")) throw error;
    return { state: "damaged", message: error.message };
  }
  return { state: "unofficial", message: notOfficial(showUrl(url), md5, file) };
}

/** Why content is not official, in one line. */
export function notOfficial(place: string, md5: string, file: OfficialFile): string {
  return `${place} is not the official file: its MD5 is ${md5}, that of the official file ${file.md5};` +
    " --unverified accepts it if it has the right form";
}
