import { ModelError } from "../../models/errors.ts";
import { directoryUrl, showUrl } from "../../models/read_url.ts";
import type { DataSet, Split } from "./data_set.ts";
import { dataDirectory, findDataDirectory, isDirectory } from "./directory.ts";
import { type FolderForm, readImageFolder } from "./image_folder.ts";
import { findOfficial, OFFICIAL_DATA_SETS } from "./official.ts";
import { readOfficial } from "./read_official.ts";

const FOLDER_PREFIX = "folder:";

/**
 * Reads a data set: a published one by its name, or a folder of images.
 *
 * @param name `mnist`, `fashion-mnist`, `cifar-10`; the path of an image folder, with or without `folder:` before it; or
 * the name of an image folder in the directory of data.
 * @param split Which part.
 * @param from The directory of all data sets; see {@linkcode findDataDirectory}.
 * @param form For an image folder: what its images are brought into; see {@linkcode readImageFolder}.
 * @returns The images with their labels.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: not in the official form, not an image, mixed sizes, a class
 * without images; `invalid`.
 */
export async function readDataSet(
  name: string,
  split: Split,
  from?: string | URL,
  form: FolderForm = {},
): Promise<DataSet> {
  const official = findOfficial(name);
  if (official !== undefined) return await readOfficial(official, split, await findDataDirectory(from));
  return await readImageFolder(await findImageFolder(name, from), split, form);
}

/**
 * Finds an image folder by what users call it.
 *
 * @param name Its path, with or without `folder:` before it, or its name in the directory of data.
 * @param from The directory of all data sets; it need not be there.
 * @returns The folder.
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
    throw new ModelError("invalid", `The data set "${name}" has no path; e.g. folder:./clothes`);
  }
  const isName = path === name && !/[/\\]/.test(name) && !name.startsWith(".");
  return isName ? [new URL(`${encodeURIComponent(name)}/`, dataDirectory(from)), directoryUrl(name)] : [
    directoryUrl(path),
  ];
}
