/**
 * Finds models. A folder with a `manifest.json` is a model; a directory is searched one level deep, and may
 * itself be a model.
 *
 * Directories are searched in order and the shipped models last; of two models with the same name the first
 * is used, so a user's own `mnist` replaces the shipped one.
 *
 * @module
 */
import type { ModelFiles } from "./classifier.ts";
import { ModelError } from "./errors.ts";
import { type Manifest, parseManifest, type WeightsSpec } from "./manifest.ts";
import { parseJson } from "./parse_json.ts";
import { directoryUrl, explain, readUrl, showUrl } from "./read_url.ts";

/** The models that come with the project. A list, because a directory cannot be listed over http. */
export const SHIPPED_MODELS: readonly string[] = ["cifar-10", "fashion-mnist", "mnist"];

const MAX_MANIFEST_BYTES = 4_194_304;

/** Where to search for models, and for which. */
export interface ModelSearch {
  /** Directories with one folder per model, or folders of models; a string is a path. @default {[]} */
  readonly dirs?: readonly (string | URL)[];
  /** Whether the shipped models are searched too, after `dirs`. @default {true} */
  readonly shipped?: boolean;
  /** Names of the wanted models. @default {all} */
  readonly names?: readonly string[];
}

/** A folder with a manifest, or with the error of an invalid manifest. */
export type ModelEntry =
  | { readonly name: string; readonly folder: URL; readonly shipped: boolean; readonly manifest: Manifest }
  | { readonly name: string; readonly folder: URL; readonly shipped: boolean; readonly error: ModelError };

/**
 * Lists models without reading their weights. A model with an invalid manifest is listed with its error.
 *
 * @param search Where to search.
 * @returns One entry per name, in alphabetical order; none for a wanted name that is not found.
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
 * @param search Where to search.
 * @returns At least one model, in alphabetical order; each can be posted to a Worker.
 * @throws {ModelError} `not_found`: a directory, a wanted name, or any model at all; `invalid_manifest`;
 * `damaged`: weights that differ from the manifest; `denied`; `unavailable`.
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
 * @param entry From {@linkcode listModels}.
 * @returns The model; it can be posted to a Worker.
 * @throws {ModelError} The entry's own error; `damaged` if the size or the SHA-256 of the weights differs
 * from the manifest; `not_found`; `denied`; `unavailable`.
 */
export async function loadModel(entry: ModelEntry): Promise<ModelFiles> {
  if ("error" in entry) throw entry.error;
  const { weights, unknown } = entry.manifest;
  return {
    manifest: entry.manifest,
    weights: await readWeights(entry.folder, weights),
    ...(unknown?.score === "features" && { scorerWeights: await readWeights(entry.folder, unknown.weights) }),
  };
}

async function readWeights(folder: URL, { file, bytes, sha256 }: WeightsSpec): Promise<Uint8Array> {
  const url = new URL(file, folder);
  const weights = await readUrl(url, bytes);
  if (weights.byteLength !== bytes) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has ${weights.byteLength} bytes; its manifest specifies ${bytes}`,
    );
  }
  const actual = await sha256Hex(weights);
  if (actual === sha256) return weights;
  throw new ModelError(
    "damaged",
    `${showUrl(url)} has the SHA-256 ${actual}; its manifest specifies ${sha256}`,
  );
}

/**
 * Computes a SHA-256 as manifests write it.
 *
 * @param bytes Any content.
 * @returns 64 lower-case hexadecimal digits.
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
    throw new ModelError("invalid", `Cannot search ${url.href} for models: it must be a local directory`);
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
  const message = `${showUrl(url)} is not a directory; expected a directory with one folder per model`;
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
  const manifest = parseManifest(
    parseJson(await readUrl(url, MAX_MANIFEST_BYTES), where, "invalid_manifest"),
    where,
  );
  if (manifest.name === name) return manifest;
  throw new ModelError(
    "invalid_manifest",
    `${where}: name must be that of its folder, "${name}"; it is "${manifest.name}"`,
  );
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
  return [...list, ...(shipped ? ["the shipped models"] : [])].join(" or ") || "no directory";
}
