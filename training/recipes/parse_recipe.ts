import { fieldError } from "../../models/errors.ts";
import { parseJson } from "../../models/parse_json.ts";
import { JsonFields } from "../../lib/json_fields.ts";
import { parseLayer } from "../../models/layers/layer.ts";
import type { Augmentation } from "../augmentation/augment.ts";
import type { CardText, Initialisation, Lookahead, Optimiser, Recipe } from "./recipe.ts";
import type { Degradation } from "../augmentation/degrade.ts";

/**
 * Parses a recipe. Missing fields are taken from another recipe.
 *
 * @param text JSON: an object with fields of {@linkcode Recipe} other than `name` and `data`.
 * @param where The file, for messages.
 * @param base The recipe for missing fields.
 * @throws {ModelError} `invalid`: not JSON. `invalid_manifest`: names the field, its value and what would be
 * right.
 *
 * @example
 * ```ts
 * import { parseRecipe } from "./parse_recipe.ts";
 * import { findRecipe } from "./recipes.ts";
 * const recipe = parseRecipe('{ "epochs": 3, "batch": 64, "shard": 32 }', "short.json", findRecipe("mnist"));
 * console.log(recipe.name, recipe.epochs); // mnist 3
 * ```
 */
export function parseRecipe(text: string, where: string, base: Recipe): Recipe {
  const fields = new JsonFields(parseJson(text, where), where, fieldError("invalid_manifest"));
  const recipe = fields.changed<Recipe>(base, {
    version: (name) => fields.text(name, 50),
    description: (name) => fields.text(name, 500),
    layers: (name) => fields.objects(name, 1, 200).map(parseLayer),
    standardise: (name) => fields.boolean(name),
    batchNorm: (name) => fields.boolean(name),
    initial: (name) => parseInitial(fields.object(name)),
    epochs: (name) => fields.integer(name, 1, 10_000),
    batch: (name) => fields.integer(name, 1, 65_536),
    shard: (name) => fields.integer(name, 1, 4_096),
    optimiser: (name) => parseOptimiser(fields.object(name), base.optimiser),
    lookahead: (name) => parseLookahead(fields.object(name)),
    logitScale: (name) => fields.number(name, { above: 0 }),
    labelSmoothing: (name) => fields.number(name, { min: 0, max: 0.9 }),
    augmentation: (name) => parseAugmentation(fields.object(name), base.augmentation),
    validationImages: (name) => fields.integer(name, 0, 1_000_000),
    seed: (name) => fields.integer(name, 0, 2 ** 31 - 1),
    card: (name) => parseCard(fields.object(name), base.card),
  });
  const { batch } = recipe;
  const shard = fields.has("shard") ? recipe.shard : Math.min(batch, base.shard);
  if (batch % shard === 0) return { ...recipe, shard };
  throw fields.fail("shard", shard, `must divide batch (${batch})`);
}

function parseInitial(fields: JsonFields): Initialisation {
  const initial = { whiten: fields.boolean("whiten"), identity: fields.boolean("identity") };
  fields.refuseOthers();
  return initial;
}

function parseOptimiser(fields: JsonFields, base: Optimiser): Optimiser {
  return fields.changed(base, {
    learningRate: (name) => fields.number(name, { above: 0, max: 100 }),
    momentum: (name) => fields.number(name, { min: 0, max: 0.9999 }),
    nesterov: (name) => fields.boolean(name),
    weightDecay: (name) => fields.number(name, { min: 0, max: 1 }),
    biasRate: (name) => fields.number(name, { above: 0, max: 1_000 }),
    warmUp: (name) => fields.number(name, { min: 0, max: 1 }),
    finalRate: (name) => fields.number(name, { min: 0, max: 1 }),
  });
}

function parseLookahead(fields: JsonFields): Lookahead {
  const lookahead = {
    every: fields.integer("every", 1, 1_000),
    decay: fields.number("decay", { min: 0, max: 1 }),
  };
  fields.refuseOthers();
  return lookahead;
}

function parseAugmentation(fields: JsonFields, base: Augmentation): Augmentation {
  // "wear" is the old name of "degrade".
  const old = fields.has("wear") ? parseDegradation(fields.object("wear")) : undefined;
  const changed = fields.changed(base, {
    shift: (name) => fields.integer(name, 0, 64),
    edge: (name) => fields.oneOf<"black" | "reflect">(name, ["black", "reflect"]),
    mirror: (name) => fields.boolean(name),
    rotate: (name) => fields.number(name, { min: 0, max: 180 }),
    zoom: (name) => fields.number(name, { min: 0, max: 0.9 }),
    cutout: (name) => fields.number(name, { min: 0, max: 1_024 }),
    ...(old === undefined && { degrade: (name) => parseDegradation(fields.object(name)) }),
  });
  return old === undefined ? changed : { ...changed, degrade: old };
}

function parseDegradation(fields: JsonFields): Degradation {
  const degradation = {
    jpeg: fields.number("jpeg", { min: 0, max: 1 }),
    quality: fields.integer("quality", 1, 95),
    grey: fields.number("grey", { min: 0, max: 1 }),
  };
  fields.refuseOthers();
  return degradation;
}

function parseCard(fields: JsonFields, base: CardText): CardText {
  const text = (name: string) => fields.text(name, 10_000);
  return fields.changed(base, { use: text, data: text, limits: text });
}
