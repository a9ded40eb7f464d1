import { child, look } from "./folder_listing.ts";

/** An image file whose class is known by where it is or how it is called. */
export interface Photograph {
  readonly url: URL;
  /** Path inside the folder. */
  readonly name: string;
  /** The class folder, or the beginning of the file's name. */
  readonly class: string;
}

/**
 * Lists image files that stay as they are, of any size and format: in one folder per class, or directly in the folder under
 * names that begin with the class, `7_scan.jpg`, `9-boot.png` or `cat_01.jpg`.
 *
 * @param folder Its URL, with a slash at the end.
 * @returns The files, sorted by their classes and names. Other files in the folder are listed too.
 * @throws {ModelError} `invalid`: more than 1,000,000 files in a folder; `not_found`; `denied`.
 */
export async function listPhotographs(folder: URL): Promise<Photograph[]> {
  const { folders, files } = await look(folder);
  const photographs = files.map((name) => ({ url: file(folder, name), name, class: beginningOf(name) }));
  for (const name of folders) {
    const inner = child(folder, name);
    for (const own of (await look(inner)).files) {
      photographs.push({ url: file(inner, own), name: `${name}/${own}`, class: name });
    }
  }
  return photographs;
}

/** The number that the name begins with, else what stands before the first `_`. */
function beginningOf(name: string): string {
  return /^\d+/.exec(name)?.[0] ?? name.split(/[_.]/, 1)[0]!;
}

function file(folder: URL, name: string): URL {
  return new URL(encodeURIComponent(name), folder);
}
