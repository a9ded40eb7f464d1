import { pathToFileURL } from "node:url";
import type { Progress } from "../models/training/fit.ts";
import { RECIPES } from "../models/training/recipes.ts";
import { train as trainModel } from "../models/training/train.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { didYouMean } from "./suggestion.ts";
import { percent, print, say, showProgress } from "./terminal.ts";

/** Trains a model. */
export const train: Command = {
  name: "train",
  summary: "Train a model by its recipe, and write its folder",
  operands: "NAME",
  options: {
    data: { type: "string", value: "DIR", description: "where the data sets are; default ./data" },
    out: { type: "string", value: "DIR", description: "where the model's folder is made; default models" },
    fresh: { type: "boolean", description: "begin anew, even where a training was broken off" },
  },
  examples: [
    ["imagebus train mnist --out /tmp/models", "into /tmp/models/mnist; goes on where it was broken off"],
    ["imagebus worker --models-dir /tmp/models", "serve what was trained"],
  ],
  permissions: ["env", "read", "write"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [name, ...more] = args.operands;
  const known = RECIPES.map((recipe) => recipe.name);
  if (name === undefined || more.length > 0) {
    throw new UsageError(`train needs one name: imagebus train ${known[0]}`);
  }
  if (!known.includes(name)) throw new UsageError(`There is no recipe "${name}"${didYouMean(name, known)}`);
  const out = args.text("out");
  const data = args.text("data");
  const { manifest: { evaluation } } = await trainModel({
    recipe: name,
    resume: !args.flag("fresh"),
    onProgress: show,
    ...(data !== undefined && { data }),
    ...(out !== undefined && { folder: new URL(`${pathToFileURL(out)}/${name}/`) }),
  });
  print(`${name}  ${percent(evaluation?.accuracy ?? 0, 2)} of ${evaluation?.data}`);
  return 0;
}

function show(progress: Progress): void {
  const { epoch, epochs, share, loss, validationAccuracy, imagesPerSecond, secondsLeft } = progress;
  const left = `${Math.floor(secondsLeft / 60)}:${
    String(Math.floor(secondsLeft % 60)).padStart(2, "0")
  } left`;
  const line = `epoch ${epoch}/${epochs}  loss ${loss.toFixed(4)}  ${
    Math.round(imagesPerSecond)
  } images/s  ${left}`;
  if (validationAccuracy === undefined) return showProgress(`${line}  ${percent(share, 0)} of the epoch`);
  showProgress("");
  say(`${line}  validation ${percent(validationAccuracy, 2)}`);
}
