import { ModelError } from "../../models/errors.ts";
import { directoryUrl, showUrl } from "../../models/read_url.ts";
import type { DataSet, OnRead, Split } from "./data_set.ts";
import { dataDirectory, findDataDirectory, isDirectory } from "./directory.ts";
import { type FolderForm, readImageFolder } from "./image_folder.ts";
import { findOfficial, OFFICIAL_DATA_SETS } from "./official.ts";
import { readOfficial } from "./read_official.ts";

const FOLDER_PREFIX = "folder:";

/**
 * Reads a data set: a published one by its name, or a folder of images.
 *
 * @param name `mnist`, `fashion-mnist`, `cifar-10`; the path of an image folder, with or without the prefix
 * `folder:`; or the name of an image folder in the data directory.
 * @param split Training or test.
 * @param from The data directory; see {@linkcode findDataDirectory}.
 * @param form For an image folder: what its images are converted to; see {@linkcode readImageFolder}.
 * @param onRead Called after each file of an image folder.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: not in the official form, not an image;
 * `invalid`: the layout or the form of an image folder.
 */
export async function readDataSet(
  name: string,
  split: Split,
  from?: string | URL,
  form: FolderForm = {},
  onRead?: OnRead,
): Promise<DataSet> {
  const official = findOfficial(name);
  if (official !== undefined) return await readOfficial(official, split, await findDataDirectory(from));
  return await readImageFolder(await findImageFolder(name, from), split, form, onRead);
}

/**
 * Finds an image folder.
 *
 * @param name Its path, with or without the prefix `folder:`, or its name in the data directory.
 * @param from The data directory; it need not exist.
 * @throws {ModelError} `not_found`, `denied`.
 */
export async function findImageFolder(name: string, from?: string | URL): Promise<URL> {
  const places = placesOf(name, from);
  for (const place of places) {
    if (await isDirectory(place)) return place;
  }
  const known = OFFICIAL_DATA_SETS.map((set) => set.name).join(", ");
  throw new ModelError(
    "not_found",
    `There is no data set "${name}": it is none of ${known}, and there is no folder ${
      places.map(showUrl).join(" or ")
    }`,
  );
}

function placesOf(name: string, from: string | URL | undefined): URL[] {
  const path = name.startsWith(FOLDER_PREFIX) ? name.slice(FOLDER_PREFIX.length) : name;
  if (path === "") {
    throw new ModelError(
      "invalid",
      `Invalid data set "${name}": expected a path after the prefix, e.g. folder:./clothes`,
    );
  }
  const isName = path === name && !/[/\\]/.test(name) && !name.startsWith(".");
  return isName ? [new URL(`${encodeURIComponent(name)}/`, dataDirectory(from)), directoryUrl(name)] : [
    directoryUrl(path),
  ];
}
