import type { ShapedLayer } from "../../models/layers/layers.ts";
import type { InputSpec } from "../../models/manifest.ts";
import type { DataSet } from "../datasets/data_set.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** What is trained, and on which images. It can be posted to a Worker. */
export interface TrainingTask {
  /** How it is trained. */
  readonly recipe: Recipe;
  /** The recipe's layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Form of the images. */
  readonly input: InputSpec;
  /** Training images. */
  readonly train: DataSet;
  /** Validation images, measured after each epoch. */
  readonly validation: DataSet;
}
