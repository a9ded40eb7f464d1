import { ModelError } from "../../models/errors.ts";
import { Hdf5Reader } from "./hdf5.ts";
import { parseJson } from "../../models/parse_json.ts";
import type { KerasSource } from "./source.ts";
import { invalid } from "./invalid.ts";

/**
 * Opens a file of `model.save("….h5")` of Keras 2 or 3: the architecture is the attribute `model_config`, and
 * each layer has a group in `model_weights`.
 *
 * @param bytes Content of the file.
 * @param where The file, for messages.
 * @returns The model; the caller disposes of it.
 * @throws {ModelError} `invalid` if it is something else.
 */
export async function readH5(bytes: Uint8Array, where: string): Promise<KerasSource> {
  const reader = await Hdf5Reader.open(bytes, where);
  try {
    const config = reader.text("", "model_config");
    if (config === undefined) throw weightsOnly(where);
    const version = reader.text("", "keras_version") ?? "of unknown version";
    if (version.startsWith("1.")) {
      throw invalid(`${where} is of Keras ${version}; expected Keras 2 or 3: load and save it with Keras 2`);
    }
    return {
      where,
      format: `HDF5 file of Keras ${version}`,
      architecture: parseJson(config, `${where}: model_config`),
      weights: (path) => weightsOf(reader, path),
      [Symbol.dispose]: () => reader[Symbol.dispose](),
    };
  } catch (error) {
    reader[Symbol.dispose]();
    throw error;
  }
}

/**
 * Weights of inner models are in the group of the outermost one; their names contain the name of the layer.
 */
function weightsOf(reader: Hdf5Reader, path: readonly string[]) {
  const group = `model_weights/${path[0]}`;
  const names = reader.texts(group, "weight_names");
  const inner = path.length > 1 ? `/${path.at(-1)}/` : "";
  return names.filter((name) => `/${name}`.includes(inner)).map((name) => reader.tensor(`${group}/${name}`));
}

function weightsOnly(where: string): ModelError {
  return invalid(
    `${where} has no model_config: it contains weights without the architecture; save the complete model: model.save("model.h5")`,
  );
}
