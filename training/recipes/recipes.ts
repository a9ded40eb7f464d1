import { ModelError } from "../../models/errors.ts";
import type { Recipe } from "./recipe.ts";
import { CIFAR_10 } from "./cifar_10.ts";
import { FASHION_MNIST } from "./fashion_mnist.ts";
import { MNIST } from "./mnist.ts";
import { SEED } from "./legacy.ts";

/** How the shipped models are made, each named as its model. */
export const RECIPES: readonly Recipe[] = [FASHION_MNIST, MNIST, CIFAR_10];

/** Recipes that can be used for other data sets too: all of them. */
const ALL: readonly Recipe[] = [...RECIPES, SEED];

/**
 * Finds a recipe by its name.
 *
 * @param name Of a recipe.
 * @returns The recipe.
 * @throws {ModelError} `invalid`
 */
export function findRecipe(name: string): Recipe {
  const recipe = ALL.find((candidate) => candidate.name === name);
  if (recipe !== undefined) return recipe;
  const known = ALL.map((candidate) => candidate.name).join(", ");
  throw new ModelError("invalid", `There is no recipe "${name}"; there are ${known}`);
}
