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
  const batch = or(fields, "batch", () => fields.integer("batch", 1, 65_536), base.batch);
  const shard = or(fields, "shard", () => fields.integer("shard", 1, 4_096), Math.min(batch, base.shard));
  if (batch % shard !== 0) throw fields.fail("shard", shard, `must divide batch (${batch})`);
  const lookahead = or(fields, "lookahead", () => parseLookahead(fields.object("lookahead")), base.lookahead);
  const averaged = or(
    fields,
    "averaged",
    () => fields.number("averaged", { above: 0, max: 1 }),
    base.averaged,
  );
  const logitScale = or(
    fields,
    "logitScale",
    () => fields.number("logitScale", { above: 0 }),
    base.logitScale,
  );
  const recipe: Recipe = {
    ...base,
    version: or(fields, "version", () => fields.text("version", 50), base.version),
    description: or(fields, "description", () => fields.text("description", 500), base.description),
    layers: or(fields, "layers", () => fields.objects("layers", 1, 200).map(parseLayer), base.layers),
    standardise: or(
      fields,
      "standardise",
      () => fields.boolean("standardise"),
      base.standardise ?? true,
    ),
    batchNorm: or(fields, "batchNorm", () => fields.boolean("batchNorm"), base.batchNorm),
    initial: or(fields, "initial", () => parseInitial(fields.object("initial")), base.initial),
    epochs: or(fields, "epochs", () => fields.integer("epochs", 1, 10_000), base.epochs),
    batch,
    shard,
    optimiser: or(
      fields,
      "optimiser",
      () => parseOptimiser(fields.object("optimiser"), base.optimiser),
      base.optimiser,
    ),
    labelSmoothing: or(
      fields,
      "labelSmoothing",
      () => fields.number("labelSmoothing", { min: 0, max: 0.9 }),
      base.labelSmoothing,
    ),
    augmentation: or(
      fields,
      "augmentation",
      () => parseAugmentation(fields.object("augmentation"), base.augmentation),
      base.augmentation,
    ),
    validationImages: or(
      fields,
      "validationImages",
      () => fields.integer("validationImages", 0, 1_000_000),
      base.validationImages,
    ),
    seed: or(fields, "seed", () => fields.integer("seed", 0, 2 ** 31 - 1), base.seed),
    card: or(fields, "card", () => parseCard(fields.object("card"), base.card), base.card),
    ...(lookahead !== undefined && { lookahead }),
    ...(averaged !== undefined && { averaged }),
    ...(logitScale !== undefined && { logitScale }),
  };
  fields.refuseOthers();
  return recipe;
}

function or<T>(fields: JsonFields, name: string, parse: () => T, otherwise: T): T {
  return fields.has(name) ? parse() : otherwise;
}

function parseInitial(fields: JsonFields): Initialisation {
  const initial = { whiten: fields.boolean("whiten"), identity: fields.boolean("identity") };
  fields.refuseOthers();
  return initial;
}

function parseOptimiser(fields: JsonFields, base: Optimiser): Optimiser {
  const share = (name: "warmUp" | "finalRate") =>
    or(fields, name, () => fields.number(name, { min: 0, max: 1 }), base[name]);
  const biasRate = or(
    fields,
    "biasRate",
    () => fields.number("biasRate", { above: 0, max: 1_000 }),
    base.biasRate,
  );
  const optimiser: Optimiser = {
    learningRate: or(
      fields,
      "learningRate",
      () => fields.number("learningRate", { above: 0, max: 100 }),
      base.learningRate,
    ),
    momentum: or(fields, "momentum", () => fields.number("momentum", { min: 0, max: 0.9999 }), base.momentum),
    nesterov: or(fields, "nesterov", () => fields.boolean("nesterov"), base.nesterov),
    weightDecay: or(
      fields,
      "weightDecay",
      () => fields.number("weightDecay", { min: 0, max: 1 }),
      base.weightDecay,
    ),
    warmUp: share("warmUp"),
    finalRate: share("finalRate"),
    ...(biasRate !== undefined && { biasRate }),
  };
  fields.refuseOthers();
  return optimiser;
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
  const optional = (name: "rotate" | "zoom" | "cutout", max: number) => {
    const value = or(fields, name, () => fields.number(name, { min: 0, max }), base[name]);
    return value === undefined ? {} : { [name]: value };
  };
  const edge = or(
    fields,
    "edge",
    () => fields.oneOf<"black" | "reflect">("edge", ["black", "reflect"]),
    base.edge,
  );
  // "wear" is the old name of "degrade".
  const key = fields.has("wear") ? "wear" : "degrade";
  const degrade = or(fields, key, () => parseDegradation(fields.object(key)), base.degrade);
  const augmentation: Augmentation = {
    shift: or(fields, "shift", () => fields.integer("shift", 0, 64), base.shift),
    mirror: or(fields, "mirror", () => fields.boolean("mirror"), base.mirror),
    ...(edge !== undefined && { edge }),
    ...optional("rotate", 180),
    ...optional("zoom", 0.9),
    ...optional("cutout", 1_024),
    ...(degrade !== undefined && { degrade }),
  };
  fields.refuseOthers();
  return augmentation;
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
  const text = (name: keyof CardText) => or(fields, name, () => fields.text(name, 10_000), base[name]);
  const card = { use: text("use"), data: text("data"), limits: text("limits") };
  fields.refuseOthers();
  return card;
}
