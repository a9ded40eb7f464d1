import { fileURLToPath } from "node:url";
import { directoryUrl, readUrl, showUrl, statIfExists } from "../../models/read_url.ts";
import { isHdf5 } from "./hdf5.ts";
import { isArchive, readArchive } from "./read_archive.ts";
import { readH5 } from "./read_h5.ts";
import { readTfjs } from "./read_tfjs.ts";
import type { KerasSource } from "./source.ts";
import { MAX_FILE_BYTES } from "./tensor.ts";
import { invalid } from "./invalid.ts";

/**
 * Opens a model of Keras: an HDF5 file (`.h5`) of Keras 2 or 3, an archive (`.keras`), or the `model.json` of
 * TensorFlow.js. The format is recognised by the content, not by the name.
 *
 * @param url The file, or a folder with a `model.json`.
 * @returns The model; the caller disposes of it.
 * @throws {ModelError} `invalid` if it is none of these; `not_found`, `denied`, `damaged` (too large).
 */
export async function openKeras(url: URL): Promise<KerasSource> {
  const isFolder = (await statIfExists(url))?.isDirectory ?? false;
  const file = isFolder ? await findModelJson(directoryUrl(url)) : url;
  const where = showUrl(file);
  const bytes = await readUrl(file, MAX_FILE_BYTES);
  if (isHdf5(bytes)) return await readH5(bytes, where);
  if (isArchive(bytes)) return await readArchive(bytes, where);
  if (isJson(bytes)) return await readTfjs(file, bytes, where);
  throw invalid(
    `${where} is not a model of Keras; expected HDF5 (.h5), an archive (.keras) or the model.json of TensorFlow.js`,
  );
}

async function findModelJson(folder: URL): Promise<URL> {
  const names = new Set((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name));
  if (names.has("model.json")) return new URL("model.json", folder);
  const path = fileURLToPath(folder);
  const found = names.has("saved_model.pb") ? "is a SavedModel of TensorFlow" : "has no model.json";
  throw invalid(`${path} ${found}; save the model with Keras: model.save("model.h5")`);
}

function isJson(bytes: Uint8Array): boolean {
  return /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 100)));
}
