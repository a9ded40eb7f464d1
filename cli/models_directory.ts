/**
 * Models of the user: `train` and `model import` write them to a directory that all commands search, after
 * `--models-dirs` and before the shipped models.
 *
 * @module
 */
import { findStateDir, stateDir } from "../bus/state_dir.ts";
import { flag, type OptionTable } from "../lib/options.ts";
import { isDirectory } from "../training/datasets/directory.ts";
import { directoryUrl, showUrl } from "../models/read_url.ts";
import type { Manifest } from "../models/manifest.ts";
import { SHIPPED_MODELS } from "../models/registry.ts";
import type { Existing } from "../training/write_model.ts";
import { type Arguments, UsageError } from "./command.ts";
import type { MODELS_DIRS_OPTION } from "./options.ts";

/** Where a command writes a model. */
export const MODEL_OUT_OPTIONS = {
  out: {
    type: "text",
    short: "o",
    value: "DIR",
    otherwise: "models in the state directory, which all commands search",
    text: "directory in which the folder of the model is created",
  },
  force: { ...flag("replace an existing model"), short: "f" },
  newVersion: flag("write a version beside the existing model; imagebus models promote has it served"),
} as const satisfies OptionTable;

/** Where to search for models: an option of the registry. */
export async function modelSearch(
  { values: { modelsDirs = [] } }: Arguments<typeof MODELS_DIRS_OPTION>,
): Promise<{ readonly dirs: readonly (string | URL)[] }> {
  const state = findStateDir();
  const own = state && `${state}/models`;
  return { dirs: own && await isDirectory(directoryUrl(own)) ? [...modelsDirs, own] : modelsDirs };
}

/**
 * The directory in which a command writes a model.
 *
 * @param model Its name.
 * @param args Of a command with {@linkcode MODEL_OUT_OPTIONS}.
 * @throws {UsageError} For the name of a shipped model in the directory that all commands search: it would be served in
 * place of that model.
 * @throws {BusError} Without a state directory.
 */
export function modelsDirectory(model: string, { values }: Arguments<typeof MODEL_OUT_OPTIONS>): URL {
  if (values.out !== undefined) return directoryUrl(values.out);
  if (values.force || values.newVersion || !SHIPPED_MODELS.includes(model)) {
    return directoryUrl(`${stateDir()}/models`);
  }
  throw new UsageError(
    `Cannot write a model "${model}": it would be served in place of the shipped one; choose another --name, ` +
      "another directory with --out, add a version with --new-version, or replace it with --force",
  );
}

/** What becomes of an existing model. Of both options, `--new-version` is the one that loses nothing. */
export function existingOf({ values }: Arguments<typeof MODEL_OUT_OPTIONS>): Existing {
  return values.newVersion ? "keep" : values.force ? "replace" : "refuse";
}

/** How to go on with a new model. */
export function nextSteps(
  { name, version }: Pick<Manifest, "name" | "version">,
  { values: { out, newVersion } }: {
    readonly values: { readonly out: string | URL | undefined; readonly newVersion: boolean };
  },
): string {
  const dirs = out === undefined ? "" : ` --models-dirs ${showUrl(directoryUrl(out)).replace(/\/$/, "")}`;
  if (newVersion) {
    return `Compare: imagebus models versions ${name}${dirs}\n` +
      `Serve:   imagebus models promote ${name}@${version}${dirs}`;
  }
  return `Serve it: imagebus worker${dirs} (a running worker must be restarted)\n` +
    `Try it:   imagebus send --wait IMAGE --model ${name}${dirs}`;
}
