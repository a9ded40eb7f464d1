import { createDirectory, type FolderContent, writeModelFolder } from "./model_folder.ts";
import { directoryUrl, statIfExists } from "./read_url.ts";
import { listModels, listVersions, type ModelSearch, versionOf } from "./registry.ts";
import { writeServing } from "./serving.ts";

/**
 * Writes a version of a model beside those that exist. What is served stays served: where no `serving.json`
 * determines it, one is written that does.
 *
 * @param directory The directory of models; created if it does not exist.
 * @param content What to write; its folder is `NAME/VERSION/`.
 * @returns The folder.
 * @throws {ModelError} `invalid` if there is such a version; `denied`, `unavailable`.
 */
export async function writeModelVersion(directory: URL, content: FolderContent): Promise<URL> {
  const { name, version } = content.manifest;
  const search = await searchOf(directory);
  const [served] = await listModels({ ...search, names: [name] });
  const model = new URL(`${name}/`, directoryUrl(directory));
  await createDirectory(model);
  const serve = served && versionOf(served);
  if (serve !== undefined && (await listVersions(name, search)).serving === undefined) {
    await writeServing(model, { format: 1, serve });
  }
  return await writeModelFolder(model, content, { folder: version });
}

/**
 * The highest version of a model in a directory or among the shipped models.
 *
 * @param directory The directory of models.
 * @param name Of the model.
 * @returns undefined where there is none.
 */
export async function highestVersion(directory: URL, name: string): Promise<string | undefined> {
  const search = await searchOf(directory);
  if ((await listModels({ ...search, names: [name] })).length === 0) return undefined;
  const { entries } = await listVersions(name, search);
  return entries.map(versionOf).find((version) => version !== undefined);
}

/** The directory need not exist yet. */
async function searchOf(directory: URL): Promise<ModelSearch> {
  return { dirs: (await statIfExists(directory))?.isDirectory ? [directory] : [] };
}
