/**
 * Finds models. A folder with a `manifest.json` is a model, and so is one whose subfolders are versions of it:
 * `NAME/VERSION/manifest.json`. A directory is searched for both, and may itself be a model.
 *
 * Directories are searched in order and the shipped models last. What they have under one name are versions of
 * one model; of two with the same version the first is used. `serving.json` (`serving.ts`) determines which
 * version is served; without it that is the first that is found, so a user's own `mnist` replaces the shipped one.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import type { ModelFiles } from "./classifier.ts";
import { ModelError } from "./errors.ts";
import { type Manifest, parseManifest, type WeightsSpec } from "./manifest.ts";
import { parseJson } from "./parse_json.ts";
import { directoryUrl, explain, readUrl, showUrl, statIfExists } from "./read_url.ts";
import { readReference } from "./reference.ts";
import { readServing, type Serving } from "./serving.ts";

/** The models that come with the project. A list, because a directory cannot be listed over http. */
export const SHIPPED_MODELS: readonly string[] = ["cifar-10", "fashion-mnist", "mnist"];

/** Of a folder in which versions are searched. */
const MODEL_FOLDER = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Of the folder of a version, which is named after it. */
const VERSION_FOLDER = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,49}$/;

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

/** A folder of a model, or of a version of it. */
export interface ModelPlace {
  /** Name of the model. */
  readonly name: string;
  /** With the manifest. */
  readonly folder: URL;
  /** Whether it comes with the project. */
  readonly shipped: boolean;
  /** The version, where the name of the folder determines it. */
  readonly version?: string;
}

/** A folder with a manifest, or with the error of an invalid manifest. */
export type ModelEntry =
  & ModelPlace
  & ({ readonly manifest: Manifest } | { readonly error: ModelError });

/**
 * Lists models without reading their weights, each with the version that is served. A model with an invalid
 * manifest is listed with its error.
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
  const entries = await Promise.all((await findPlaces(search)).map(servedEntry));
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The versions of a model. */
export interface ModelVersions {
  /** One entry per version, the highest first; those with an invalid manifest last. */
  readonly entries: readonly ModelEntry[];
  /** What `serving.json` determines; undefined without one. */
  readonly serving: Serving | undefined;
  /** Where `serving.json` is to be written; undefined where there is only a shipped version. */
  readonly folder: URL | undefined;
}

/**
 * Lists all versions of a model without reading their weights.
 *
 * @param name Of the model.
 * @param search Where to search.
 * @throws {ModelError} `not_found`: a directory, or a model of that name; `invalid_manifest`: `serving.json`; `denied`.
 */
export async function listVersions(name: string, search: ModelSearch = {}): Promise<ModelVersions> {
  const [places] = await findPlaces({ ...search, names: [name] });
  if (places === undefined) throw await missingModels([name], search);
  const folders = modelFolders(places);
  const [entries, serving] = await Promise.all([versionsIn(places), readServing(folders)]);
  return { entries, serving, folder: folders[0] };
}

/**
 * Reads which versions of a model are to be served.
 *
 * @param name Of the model.
 * @param search Where to search.
 * @returns undefined where no `serving.json` determines it.
 * @throws {ModelError} `invalid_manifest`, `denied`.
 */
export async function servingOf(name: string, { dirs = [] }: ModelSearch = {}): Promise<Serving | undefined> {
  // It is read every other second: so nothing is listed.
  const folders = dirs.map(directoryUrl).flatMap((dir) => [
    ...folderName(dir) === name ? [dir] : [],
    new URL(`${encodeURIComponent(name)}/`, dir),
  ]);
  return await readServing(folders);
}

/**
 * Finds a version of a model and reads its weights.
 *
 * @param name Of the model.
 * @param version Of its manifest.
 * @param search Where to search.
 * @throws {ModelError} As {@linkcode loadModels}.
 */
export async function loadVersion(
  name: string,
  version: string,
  search: ModelSearch = {},
): Promise<ModelFiles> {
  const { entries } = await listVersions(name, search);
  return await loadModel(entryOf(version, name, entries));
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
  return await Promise.all((await wantedModels(search)).map(loadModel));
}

/**
 * {@linkcode loadModels} for a service: where `serving.json` determines a version that is broken, the version that was
 * served before is loaded.
 *
 * @param search Where to search.
 * @throws {ModelError} As {@linkcode loadModels}.
 */
export async function loadServedModels(search: ModelSearch = {}): Promise<ModelFiles[]> {
  return await Promise.all((await wantedModels(search)).map(async (entry) => {
    try {
      return await loadModel(entry);
    } catch (error) {
      const previous = (await servingOf(entry.name, search))?.previous;
      if (!(error instanceof ModelError) || previous === undefined) throw error;
      return await loadVersion(entry.name, previous, search);
    }
  }));
}

async function wantedModels(search: ModelSearch): Promise<ModelEntry[]> {
  const entries = await listModels(search);
  const missing = search.names?.filter((name) => !entries.some((entry) => entry.name === name)) ?? [];
  if (missing.length > 0) throw await missingModels(missing, search);
  if (entries.length === 0) throw new ModelError("not_found", `There is no model in ${places(search)}`);
  return entries;
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
  const { weights, unknown, labels } = entry.manifest;
  return {
    manifest: entry.manifest,
    weights: await readWeights(entry.folder, weights),
    ...defined({ reference: await readReference(entry.folder, labels.length) }),
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

/** The places of each wanted model, in the order of precedence: within a directory, its own folder comes first. */
async function findPlaces({ dirs = [], names, shipped = true }: ModelSearch): Promise<ModelPlace[][]> {
  const places = (await Promise.all(dirs.map(placesIn))).flat();
  if (shipped) places.push(...SHIPPED_MODELS.map(shippedPlace));
  const byName = Map.groupBy(places, ({ name }) => name);
  return [...byName].flatMap(([name, places]) => names === undefined || names.includes(name) ? [places] : []);
}

function shippedPlace(name: string): ModelPlace {
  return { name, folder: new URL(`./${name}/`, import.meta.url), shipped: true };
}

async function placesIn(dir: string | URL): Promise<ModelPlace[]> {
  const url = directoryUrl(dir);
  if (url.protocol !== "file:") {
    throw new ModelError("invalid", `Cannot search ${url.href} for models: it must be a local directory`);
  }
  try {
    if (await isFile(new URL("manifest.json", url))) return await placesOfModel(url);
    const folders = await foldersIn(url);
    return (await Promise.all(folders.map(placesOfModel))).flat();
  } catch (cause) {
    throw explainDirectory(url, cause);
  }
}

/** The folder itself, where it has a manifest, then those of its versions, the highest first. */
async function placesOfModel(folder: URL): Promise<ModelPlace[]> {
  const place = { name: folderName(folder), shipped: false };
  const own = await isFile(new URL("manifest.json", folder)) ? [{ ...place, folder }] : [];
  if (!MODEL_FOLDER.test(place.name)) return own;
  const found: (ModelPlace & { readonly version: string })[] = [];
  for (const sub of await foldersIn(folder)) {
    const version = folderName(sub);
    if (!VERSION_FOLDER.test(version) || !await isFile(new URL("manifest.json", sub))) continue;
    found.push({ ...place, folder: sub, version });
  }
  return [...own, ...found.sort((a, b) => compareVersions(b.version, a.version))];
}

async function foldersIn(url: URL): Promise<URL[]> {
  const folders: URL[] = [];
  for await (const entry of Deno.readDir(url)) {
    // Also what is being written, or was left by a process that was killed meanwhile (`model_folder.ts`).
    if (entry.name.startsWith(".")) continue;
    const folder = new URL(`${encodeURIComponent(entry.name)}/`, url);
    const isFolder = entry.isSymlink ? (await statIfExists(folder))?.isDirectory : entry.isDirectory;
    if (isFolder) folders.push(folder);
  }
  return folders;
}

/** Of two versions, which is higher: negative if the second is. A pre-release, as 1.0.0-rc.1, is below its release. */
export function compareVersions(a: string, b: string): number {
  const [[release, isEarly], [other, isOtherEarly]] = [a, b].map((version) =>
    [version.split(/[-+]/)[0]!, /^[^+]*-/.test(version)] as const
  ) as [[string, boolean], [string, boolean]];
  const compare = (one: string, two: string) => one.localeCompare(two, "en", { numeric: true });
  return compare(release, other) || Number(isOtherEarly) - Number(isEarly) || compare(a, b);
}

/** What `serving.json` determines; without it, the first place. */
async function servedEntry(places: readonly ModelPlace[]): Promise<ModelEntry> {
  const first = places[0]!;
  try {
    const serving = await readServing(modelFolders(places));
    if (serving === undefined) return await readEntry(first);
    return entryOf(serving.serve, first.name, await versionsIn(places));
  } catch (error) {
    if (error instanceof ModelError) return { ...first, error };
    throw error;
  }
}

async function versionsIn(places: readonly ModelPlace[]): Promise<ModelEntry[]> {
  const entries = await Promise.all(places.map(readEntry));
  const byVersion = new Map(
    entries.toReversed().map((entry) => [versionOf(entry) ?? entry.folder.href, entry]),
  );
  return [...byVersion.values()].sort((a, b) => compareVersions(versionOf(b) ?? "", versionOf(a) ?? ""));
}

function entryOf(version: string, name: string, entries: readonly ModelEntry[]): ModelEntry {
  const found = entries.find((entry) => versionOf(entry) === version);
  if (found) return found;
  const known = entries.map(versionOf).filter((known) => known !== undefined).join(", ");
  throw new ModelError(
    "not_found",
    `There is no version "${version}" of ${name}; there is ${known || "none"}`,
  );
}

/** The version of an entry: of its manifest; where that is invalid, of its folder. */
export function versionOf(entry: ModelEntry): string | undefined {
  return "manifest" in entry ? entry.manifest.version : entry.version;
}

/** The folders that may have a `serving.json`. */
function modelFolders(places: readonly ModelPlace[]): URL[] {
  const own = places.filter(({ shipped }) => !shipped);
  const folders = own.map(({ folder, version }) => version === undefined ? folder : new URL("../", folder));
  return [...new Map(folders.map((folder) => [folder.href, folder])).values()];
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

async function readEntry(place: ModelPlace): Promise<ModelEntry> {
  try {
    return { ...place, manifest: await readManifest(place) };
  } catch (error) {
    if (error instanceof ModelError) return { ...place, error };
    throw error;
  }
}

async function readManifest({ folder, name, version }: ModelPlace): Promise<Manifest> {
  const url = new URL("manifest.json", folder);
  const where = showUrl(url);
  const manifest = parseManifest(
    parseJson(await readUrl(url, MAX_MANIFEST_BYTES), where, "invalid_manifest"),
    where,
  );
  const fault = (field: "name" | "version", expected: string) =>
    new ModelError(
      "invalid_manifest",
      `${where}: ${field} must be that of its folder, "${expected}"; it is "${manifest[field]}"`,
    );
  if (manifest.name !== name) throw fault("name", name);
  if (version !== undefined && manifest.version !== version) throw fault("version", version);
  return manifest;
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
