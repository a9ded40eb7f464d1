import { ModelError } from "../../models/errors.ts";
import { statIfExists } from "../../models/read_url.ts";
import { isDirectory } from "./directory.ts";
import { listImageFolder } from "./folder_listing.ts";
import { OFFICIAL_DATA_SETS, type OfficialDataSet, officialFiles } from "./official.ts";

/** A data set of a directory, by the names and sizes of its files. */
export interface InventoryEntry {
  /** The name that it is read by. */
  readonly name: string;
  /** `official`: a published one; `folder`: an image folder. */
  readonly kind: "official" | "folder";
  /** Where it is, or would be. */
  readonly folder: URL;
  /** Whether all its files exist. */
  readonly complete: boolean;
  /** Number of its images; 0 if it is not complete. */
  readonly images: number;
  /** Size of its existing files. */
  readonly bytes: number;
  /** Why it is not complete, in one line. */
  readonly message?: string;
}

/**
 * Lists the data sets of a directory: all published ones, and the image folders.
 *
 * @param directory The data directory; it need not exist.
 * @returns The published ones first; then the folders in alphabetical order.
 * @throws {ModelError} `denied`, `unavailable`.
 */
export async function listDataSets(directory: URL): Promise<InventoryEntry[]> {
  const entries: InventoryEntry[] = [];
  for (const set of OFFICIAL_DATA_SETS) entries.push(await officialEntry(set, directory));
  for (const name of await foldersIn(directory)) entries.push(await folderEntry(name, directory));
  return entries;
}

async function officialEntry(set: OfficialDataSet, directory: URL): Promise<InventoryEntry> {
  const folder = new URL(`${set.folder}/`, directory);
  const entry = { name: set.name, kind: "official", folder } as const;
  const missing: string[] = [];
  let bytes = 0;
  for (const { name } of officialFiles(set)) {
    const file = await statIfExists(new URL(name, folder));
    if (file?.isFile) bytes += file.size;
    else missing.push(name);
  }
  if (missing.length === 0) {
    return { ...entry, complete: true, images: set.counts.train + set.counts.test, bytes };
  }
  const message = bytes === 0 ? "does not exist" : `${missing.join(", ")} missing`;
  return { ...entry, complete: false, images: 0, bytes, message };
}

async function folderEntry(name: string, directory: URL): Promise<InventoryEntry> {
  const folder = new URL(`${encodeURIComponent(name)}/`, directory);
  const entry = { name, kind: "folder", folder, complete: true, images: 0, bytes: 0 } as const;
  try {
    const { train, test } = (await listImageFolder(folder)).images;
    let bytes = 0;
    for (const { url } of [...train, ...test]) bytes += (await statIfExists(url))?.size ?? 0;
    return { ...entry, images: train.length + test.length, bytes };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { ...entry, complete: false, message: error.message };
  }
}

async function foldersIn(directory: URL): Promise<string[]> {
  if (!await isDirectory(directory)) return [];
  const official = new Set(OFFICIAL_DATA_SETS.map(({ folder }) => folder));
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(directory)) {
    const isCandidate = !isFile && !name.startsWith(".") && !official.has(name);
    if (isCandidate && await isDirectory(new URL(encodeURIComponent(name), directory))) names.push(name);
  }
  return names.sort();
}
