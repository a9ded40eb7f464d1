/**
 * Writing to disk so that what is there is whole: into something temporary beside the place, which is then renamed.
 *
 * @module
 */
import { ModelError } from "./errors.ts";
import type { ModelFiles } from "./classifier.ts";
import { directoryUrl, explain, showUrl, statIfExists } from "./read_url.ts";

/** What a folder is made of. */
export interface FolderContent extends ModelFiles {
  /** Content of `card.md`. */
  readonly card: string;
  /** Whatever else is in the folder, by its path. @default {nothing} */
  readonly others?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Makes the folder of a model: manifest, weights and card.
 *
 * @param directory Where folders of models are; made if it is not there.
 * @param content What to write; the folder has the manifest's name.
 * @param replace Whether a model of that name may be replaced. @default {false}
 * @returns The folder.
 * @throws {ModelError} `invalid` if there is something of that name; `denied` or `unavailable` (a full disk) if it can't be
 * written: then nothing is left of it.
 */
export async function writeModelFolder(
  directory: string | URL,
  { manifest, weights, card, others = new Map() }: FolderContent,
  replace = false,
): Promise<URL> {
  const parent = directoryUrl(directory);
  const folder = new URL(`${manifest.name}/`, parent);
  const old = await checkPlace(folder, replace);
  const draft = new URL(`.${manifest.name}-${crypto.randomUUID()}/`, parent);
  try {
    await Deno.mkdir(draft, { recursive: true });
    await Deno.writeFile(new URL(manifest.weights.file, draft), weights);
    await Deno.writeTextFile(new URL("card.md", draft), card);
    for (const [path, content] of others) await writeBelow(draft, path, content);
    await Deno.writeTextFile(new URL("manifest.json", draft), JSON.stringify(manifest, null, 2) + "\n");
    await exchange(draft, folder, old);
  } catch (cause) {
    await Deno.remove(draft, { recursive: true }).catch(() => {});
    throw explain(folder, cause, "write");
  }
  return folder;
}

async function writeBelow(folder: URL, path: string, content: Uint8Array): Promise<void> {
  const url = new URL(path.split("/").map(encodeURIComponent).join("/"), folder);
  await Deno.mkdir(new URL("./", url), { recursive: true });
  await Deno.writeFile(url, content);
}

/**
 * Writes a file, whole or not at all.
 *
 * @param url Where.
 * @param content What.
 * @param replace Whether a file that is there may be replaced. @default {false}
 * @throws {ModelError} `invalid` if there is something; `denied`, `not_found` (its folder) or `unavailable` (a full disk) if
 * it can't be written.
 */
export async function writeWholeFile(url: URL, content: Uint8Array, replace = false): Promise<void> {
  const there = await statIfExists(url);
  if (there && (!replace || !there.isFile)) throw occupied(url, there.isFile);
  const draft = new URL(`.${crypto.randomUUID()}.tmp`, url);
  try {
    await Deno.writeFile(draft, content);
    await Deno.rename(draft, url);
  } catch (cause) {
    await Deno.remove(draft).catch(() => {});
    throw explain(url, cause, "write");
  }
}

async function checkPlace(folder: URL, replace: boolean): Promise<boolean> {
  if (await statIfExists(folder) === undefined) return false;
  const isModel = (await statIfExists(new URL("manifest.json", folder)))?.isFile === true;
  if (!replace || !isModel) throw occupied(folder, isModel);
  return true;
}

/** Directories can't be renamed over each other: the old one steps aside first, and comes back if that fails. */
async function exchange(draft: URL, folder: URL, old: boolean): Promise<void> {
  if (!old) return await Deno.rename(draft, folder);
  const aside = new URL(`${draft.href.slice(0, -1)}-old/`);
  await Deno.rename(folder, aside);
  try {
    await Deno.rename(draft, folder);
  } catch (cause) {
    await Deno.rename(aside, folder);
    throw cause;
  }
  await Deno.remove(aside, { recursive: true });
}

function occupied(url: URL, replaceable: boolean): ModelError {
  const end = replaceable
    ? "choose another name, or let it be replaced (--force)"
    : "it would not be replaced: choose another name";
  return new ModelError("invalid", `${showUrl(url)} is there already; ${end}`);
}

/**
 * Makes a directory, and those that it is in.
 *
 * @param url Where; it may be there already.
 * @throws {ModelError} `denied`, `not_found` or `unavailable` if it can't be made.
 */
export async function makeDirectory(url: URL): Promise<void> {
  try {
    await Deno.mkdir(url, { recursive: true });
  } catch (cause) {
    throw explain(url, cause, "write");
  }
}
