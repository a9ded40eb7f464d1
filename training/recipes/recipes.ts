import { ModelError } from "../../models/errors.ts";
import type { Recipe } from "./recipe.ts";
import { CIFAR_10 } from "./cifar_10.ts";
import { FASHION_MNIST } from "./fashion_mnist.ts";
import { MNIST } from "./mnist.ts";
import { LEGACY, LEGACY_NAMES } from "./legacy.ts";

/** Recipes of the shipped models, each with the name of its model. */
export const RECIPES: readonly Recipe[] = [FASHION_MNIST, MNIST, CIFAR_10];

/** All recipes; each can be used for other data sets too. */
const ALL: readonly Recipe[] = [...RECIPES, LEGACY];

/**
 * Finds a recipe by its name.
 *
 * @param name Any name.
 * @throws {ModelError} `invalid`: there is no such recipe.
 */
export function findRecipe(name: string): Recipe {
  if (LEGACY_NAMES.includes(name)) return LEGACY;
  const recipe = ALL.find((candidate) => candidate.name === name);
  if (recipe !== undefined) return recipe;
  const known = ALL.map((candidate) => candidate.name).join(", ");
  throw new ModelError("invalid", `There is no recipe "${name}"; there are ${known}`);
}
