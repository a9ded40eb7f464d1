/**
 * Finds models. A folder with a `manifest.json` is a model; a directory is searched one level deep, and may be a model
 * itself.
 *
 * Directories are searched in their order and the shipped models last; of two models with one name the first is taken, so
 * a user's own `mnist` replaces the shipped one.
 *
 * @module
 */
import type { ModelFiles } from "./classifier.ts";
import { ModelError } from "./errors.ts";
import { parseManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { directoryUrl, explain, readUrl, showUrl } from "./read_url.ts";

/** The models that come with the project. A list, since a directory can't be listed over http. */
export const SHIPPED_MODELS: readonly string[] = ["cifar-10", "fashion-mnist", "mnist"];

const MAX_MANIFEST_BYTES = 4_194_304;

/** Where to look for models, and which. */
export interface ModelSearch {
  /** Directories with a folder for each model, or folders of models; a text is a path. @default {[]} */
  readonly dirs?: readonly (string | URL)[];
  /** Whether the shipped models are searched too, after `dirs`. @default {true} */
  readonly shipped?: boolean;
  /** Only the models with these names. @default {all} */
  readonly names?: readonly string[];
}

/** A folder with a manifest, which may turn out to be wrong. */
export type ModelEntry =
  | { readonly name: string; readonly folder: URL; readonly shipped: boolean; readonly manifest: Manifest }
  | { readonly name: string; readonly folder: URL; readonly shipped: boolean; readonly error: ModelError };

/**
 * Lists models without reading their weights. A model with a broken manifest is listed with what is wrong.
 *
 * @param search Where to look.
 * @returns One entry a name, in alphabetical order. Of a name that was asked for and is nowhere there is no entry.
 * @throws {ModelError} `not_found` or `denied` for a directory.
 *
 * @example
 * ```ts
 * import { listModels } from "./registry.ts";
 * for (const model of await listModels()) {
 *   console.log(model.name, "error" in model ? model.error.message : model.manifest.description);
 * }
 * ```
 */
export async function listModels(search: ModelSearch = {}): Promise<ModelEntry[]> {
  const { names, shipped = true } = search;
  const folders = (await Promise.all((search.dirs ?? []).map(findFolders))).flat();
  const places = folders.map((folder) => ({ name: folderName(folder), folder, shipped: false }));
  if (shipped) places.push(...SHIPPED_MODELS.map(shippedPlace));
  const first = new Map(places.toReversed().map((place) => [place.name, place]));
  const wanted = [...first.values()].filter(({ name }) => names === undefined || names.includes(name));
  const entries = await Promise.all(wanted.map(readEntry));
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * Finds models and reads their weights.
 *
 * @param search Where to look.
 * @returns The models in alphabetical order, each ready to be posted to a Worker; at least one.
 * @throws {ModelError} `not_found`: a directory, a name that was asked for, or all of them; `invalid_manifest`; `damaged`:
 * weights that are not those of the manifest; `denied`; `unavailable`.
 *
 * @example
 * ```ts
 * import { loadModels } from "./registry.ts";
 * const [model] = await loadModels({ names: ["mnist"] });
 * console.log(model?.manifest.version, model?.weights.byteLength);
 * ```
 */
export async function loadModels(search: ModelSearch = {}): Promise<ModelFiles[]> {
  const entries = await listModels(search);
  const missing = search.names?.filter((name) => !entries.some((entry) => entry.name === name)) ?? [];
  if (missing.length > 0) throw await missingModels(missing, search);
  if (entries.length === 0) throw new ModelError("not_found", `There is no model in ${places(search)}`);
  return await Promise.all(entries.map(loadModel));
}

/**
 * Reads the weights of one model and checks them.
 *
 * @param entry As {@linkcode listModels} gives it.
 * @returns The model, ready to be posted to a Worker.
 * @throws {ModelError} The entry's own error; `damaged` if size or SHA-256 of the weights is not the manifest's;
 * `not_found`; `denied`; `unavailable`.
 */
export async function loadModel(entry: ModelEntry): Promise<ModelFiles> {
  if ("error" in entry) throw entry.error;
  const { file, bytes, sha256 } = entry.manifest.weights;
  const url = new URL(file, entry.folder);
  const weights = await readUrl(url, bytes);
  if (weights.byteLength !== bytes) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has ${weights.byteLength} bytes; its manifest says ${bytes}`,
    );
  }
  const actual = await sha256Hex(weights);
  if (actual !== sha256) {
    throw new ModelError("damaged", `${showUrl(url)} has the SHA-256 ${actual}; its manifest says ${sha256}`);
  }
  return { manifest: entry.manifest, weights };
}

/**
 * Hashes a file's content as manifests do.
 *
 * @param bytes Any content.
 * @returns Its SHA-256 in 64 hexadecimal digits, lower case.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return new Uint8Array(digest).toHex();
}

function shippedPlace(name: string): { name: string; folder: URL; shipped: boolean } {
  return { name, folder: new URL(`./${name}/`, import.meta.url), shipped: true };
}

async function findFolders(dir: string | URL): Promise<URL[]> {
  const url = directoryUrl(dir);
  if (url.protocol !== "file:") {
    throw new ModelError("invalid", `A directory of models must be on this machine; got ${url.href}`);
  }
  try {
    if (await isFile(new URL("manifest.json", url))) return [url];
    const folders: URL[] = [];
    for await (const entry of Deno.readDir(url)) {
      const folder = new URL(`${encodeURIComponent(entry.name)}/`, url);
      if (!entry.isFile && await isFile(new URL("manifest.json", folder))) folders.push(folder);
    }
    return folders;
  } catch (cause) {
    throw explainDirectory(url, cause);
  }
}

async function isFile(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

function explainDirectory(url: URL, cause: unknown): ModelError {
  const error = explain(url, cause);
  if (error.code !== "not_found") return error;
  const message = `${
    showUrl(url)
  } is not a directory; models are looked for in directories with a folder for each`;
  return new ModelError("not_found", message, { cause });
}

async function readEntry(place: { name: string; folder: URL; shipped: boolean }): Promise<ModelEntry> {
  try {
    return { ...place, manifest: await readManifest(place.folder, place.name) };
  } catch (error) {
    if (error instanceof ModelError) return { ...place, error };
    throw error;
  }
}

async function readManifest(folder: URL, name: string): Promise<Manifest> {
  const url = new URL("manifest.json", folder);
  const where = showUrl(url);
  const manifest = parseManifest(parseJson(await readUrl(url, MAX_MANIFEST_BYTES), where), where);
  if (manifest.name === name) return manifest;
  throw new ModelError(
    "invalid_manifest",
    `${where}: name must be that of its folder, "${name}"; it is "${manifest.name}"`,
  );
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new ModelError("invalid_manifest", `${where} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function folderName(folder: URL): string {
  return decodeURIComponent(folder.pathname.split("/").at(-2) ?? "");
}

async function missingModels(missing: readonly string[], search: ModelSearch): Promise<ModelError> {
  const { names: _, ...everywhere } = search;
  const known = (await listModels(everywhere)).map((entry) => entry.name);
  const wanted = missing.map((name) => `"${name}"`).join(", ");
  return new ModelError(
    "not_found",
    `There is no model ${wanted} in ${places(search)}; there ${known.length === 1 ? "is" : "are"} ${
      known.join(", ") || "none"
    }`,
  );
}

function places({ dirs = [], shipped = true }: ModelSearch): string {
  const list = dirs.map((dir) => showUrl(directoryUrl(dir)));
  return [...list, ...(shipped ? ["the shipped models"] : [])].join(" or ") || "no directory at all";
}
