import { deserialize, serialize } from "node:v8";
import { ModelError } from "../../models/errors.ts";
import { writeWholeFile } from "../../models/model_folder.ts";
import { readIfExists, showUrl } from "../../models/read_url.ts";
import type { EpochRecord } from "./trained_model.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** State of a training after a step. */
export interface Checkpoint {
  /** Number of finished steps. */
  readonly step: number;
  /** All parameters. */
  readonly parameters: Float32Array;
  /** The optimiser's velocity. */
  readonly velocity: Float32Array;
  /** Running average of the parameters, for lookahead. */
  readonly average: Float32Array;
  /** Sum of the mean losses over the steps of this epoch. */
  readonly lossSum: number;
  /** Correct predictions in this epoch. */
  readonly correct: number;
  /** The finished epochs. */
  readonly history: readonly EpochRecord[];
  /** Training time so far. */
  readonly seconds: number;
}

const MAX_BYTES = 4_294_967_296;

/** Changes with the fields of {@linkcode Checkpoint}. */
const FORMAT = 2;

/**
 * Saves a training so that it can be resumed. A crash while writing leaves the previous checkpoint.
 *
 * @param file Where.
 * @param recipe Of the training.
 * @param checkpoint Its state.
 * @throws {ModelError} `denied`, `not_found` or `unavailable` (a full disk).
 */
export async function writeCheckpoint(file: URL, recipe: Recipe, checkpoint: Checkpoint): Promise<void> {
  const bytes = serialize({ recipe: fingerprint(recipe), checkpoint });
  await writeWholeFile(file, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), true);
}

/**
 * Reads a checkpoint.
 *
 * @param file Where.
 * @param recipe Of the training that is to be resumed.
 * @returns undefined if there is no such file.
 * @throws {ModelError} `damaged`: not a checkpoint, or of another recipe or version; `denied`.
 */
export async function readCheckpoint(file: URL, recipe: Recipe): Promise<Checkpoint | undefined> {
  const bytes = await readIfExists(file, MAX_BYTES);
  if (bytes === undefined) return undefined;
  const saved = parse(bytes, file);
  if (saved.recipe === fingerprint(recipe)) return saved.checkpoint;
  throw new ModelError(
    "damaged",
    `Cannot resume from ${
      showUrl(file)
    }: it belongs to another recipe or version; delete it, or start with --fresh`,
  );
}

function parse(bytes: Uint8Array, file: URL): { recipe: string; checkpoint: Checkpoint } {
  try {
    return deserialize(bytes);
  } catch (cause) {
    const message = `Cannot resume from ${showUrl(file)}: it is not a checkpoint; delete it to start again`;
    throw new ModelError("damaged", message, { cause });
  }
}

/** Everything that the weights depend on; texts and reported tests may change. */
function fingerprint(recipe: Recipe): string {
  const { card: _, description: __, version: ___, firstTestImages: ____, otherTests: _____, ...rest } =
    recipe;
  return JSON.stringify({ format: FORMAT, ...rest });
}
