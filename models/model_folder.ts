/**
 * Atomic writes: into a temporary file or folder beside the target, which is then renamed.
 *
 * @module
 */
import { ModelError } from "./errors.ts";
import type { ModelFiles } from "./classifier.ts";
import { directoryUrl, explain, showUrl, statIfExists } from "./read_url.ts";

/** Content of a model's folder. */
export interface FolderContent extends ModelFiles {
  /** Content of `card.md`. */
  readonly card: string;
  /** Further files, by their paths in the folder. @default {none} */
  readonly others?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes the folder of a model: manifest, weights and card.
 *
 * @param directory Where the folder is created; created too if it does not exist.
 * @param content What to write.
 * @param options Name of the folder, the manifest's by default; and whether a model there may be replaced, with its
 * versions.
 * @returns The folder.
 * @throws {ModelError} `invalid` if the name is taken; `denied` or `unavailable` (a full disk) if it cannot
 * be written: then nothing of it is left.
 */
export async function writeModelFolder(
  directory: string | URL,
  { manifest, weights, card, others = new Map() }: FolderContent,
  { folder: name = manifest.name, replace = false }: {
    readonly folder?: string;
    readonly replace?: boolean;
  } = {},
): Promise<URL> {
  const parent = directoryUrl(directory);
  const folder = new URL(`${encodeURIComponent(name)}/`, parent);
  const old = await checkModelPlace(folder, replace);
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
 * Writes a file completely or not at all.
 *
 * @param url Where.
 * @param content All of it.
 * @param replace Whether an existing file may be replaced. @default {false}
 * @throws {ModelError} `invalid` if the name is taken; `denied`, `not_found` (its folder) or `unavailable` (a
 * full disk) if it cannot be written.
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

/**
 * Checks that {@linkcode writeWholeFile} can write a file, before the work whose result it will hold.
 *
 * @param url Where.
 * @param replace Whether an existing file may be replaced.
 * @throws {ModelError} As {@linkcode writeWholeFile}.
 */
export async function checkFilePlace(url: URL, replace: boolean): Promise<void> {
  const probe = new URL(`.${crypto.randomUUID()}.tmp`, url);
  const there = await statIfExists(url);
  if (there && (!replace || !there.isFile)) throw occupied(url, there.isFile);
  try {
    await Deno.writeFile(probe, new Uint8Array());
    await Deno.remove(probe);
  } catch (cause) {
    throw explain(url, cause, "write");
  }
}

/**
 * Checks that a model's folder can be written.
 *
 * @param folder Of the model, with a slash at the end.
 * @param replace Whether a model that is there may be replaced.
 * @returns Whether a model is there.
 * @throws {ModelError} `invalid` if the name is taken; `denied`, `unavailable`.
 */
export async function checkModelPlace(folder: URL, replace: boolean): Promise<boolean> {
  if (await statIfExists(folder) === undefined) return false;
  const isModel = (await statIfExists(new URL("manifest.json", folder)))?.isFile === true;
  if (!replace || !isModel) throw occupied(folder, isModel);
  return true;
}

/**
 * A directory cannot be renamed over another: the old one is moved aside first, and moved back if that fails.
 */
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
  const advice = replaceable ? "choose another name, or replace it with --force" : "choose another name";
  const what = replaceable ? "it already exists" : "something else has that name";
  return new ModelError("invalid", `Cannot write ${showUrl(url)}: ${what}; ${advice}`);
}

/**
 * Creates a directory and its parents, unless they exist.
 *
 * @param url The directory.
 * @throws {ModelError} `denied`, `not_found` or `unavailable` if it cannot be created.
 */
export async function createDirectory(url: URL): Promise<void> {
  try {
    await Deno.mkdir(url, { recursive: true });
  } catch (cause) {
    throw explain(url, cause, "create");
  }
}
