import { deserialize, serialize } from "node:v8";
import { ModelError } from "../../models/errors.ts";
import { writeWholeFile } from "../../models/model_folder.ts";
import { readUrl, showUrl } from "../../models/read_url.ts";
import type { EpochRecord } from "./trained_model.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** A training as it stands after a step. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** All trained numbers. */
  readonly parameters: Float32Array;
  /** The optimiser's velocity. */
  readonly velocity: Float32Array;
  /** Running average of the numbers. */
  readonly average: Float32Array;
  /** Mean losses of this epoch, added up over its steps. */
  readonly lossSum: number;
  /** Right answers in this epoch. */
  readonly right: number;
  /** The epochs done. */
  readonly history: readonly EpochRecord[];
  /** Time spent so far. */
  readonly seconds: number;
}

const MAX_BYTES = 4_294_967_296;

/**
 * Keeps a training so that it can be taken up again. A crash while writing leaves the one before.
 *
 * @param file Where.
 * @param recipe It belongs to.
 * @param checkpoint What to keep.
 * @throws {ModelError} `denied`, `not_found` or `unavailable` (no room on the disk)
 */
export async function writeCheckpoint(file: URL, recipe: Recipe, checkpoint: Checkpoint): Promise<void> {
  const bytes = serialize({ recipe: fingerprint(recipe), checkpoint });
  await writeWholeFile(file, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), true);
}

/**
 * Reads a training that was kept.
 *
 * @param file Where.
 * @param recipe It must belong to.
 * @returns What was kept; undefined if there is no such file.
 * @throws {ModelError} `damaged`: not a checkpoint, or of another recipe; `denied`.
 */
export async function readCheckpoint(file: URL, recipe: Recipe): Promise<Checkpoint | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return undefined;
  const kept = parse(bytes, file);
  if (kept.recipe === fingerprint(recipe)) return kept.checkpoint;
  throw new ModelError(
    "damaged",
    `${showUrl(file)} belongs to another recipe; delete it, or start with --fresh`,
  );
}

async function readIfThere(file: URL): Promise<Uint8Array | undefined> {
  try {
    return await readUrl(file, MAX_BYTES);
  } catch (error) {
    if (error instanceof ModelError && error.code === "not_found") return undefined;
    throw error;
  }
}

function parse(bytes: Uint8Array, file: URL): { recipe: string; checkpoint: Checkpoint } {
  try {
    return deserialize(bytes);
  } catch (cause) {
    throw new ModelError("damaged", `${showUrl(file)} is not a checkpoint; delete it to start anew`, {
      cause,
    });
  }
}

/** What the weights depend on; words, and what is reported, may change. */
function fingerprint(recipe: Recipe): string {
  const { card: _, description: __, version: ___, firstTestImages: ____, otherTests: _____, ...rest } =
    recipe;
  return JSON.stringify(rest);
}
