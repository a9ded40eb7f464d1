import type { ModelFiles } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import { toFloat32 } from "../../models/layers/network_plan.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { momentsOf, startFrom } from "./fit.ts";
import { unfoldBias, unfoldScale } from "./fold.ts";
import type { TrainingTask } from "./training_task.ts";
import type { Team } from "./team.ts";

/**
 * Initialises the network with the weights of a model: the opposite of `finish`, which folded its batch
 * normalisations into the kernels.
 *
 * @param task What to train.
 * @param team The Workers.
 * @param model Its weights; it has the layers and the labels of the task.
 * @returns The state before the first step.
 * @throws {ModelError} `invalid`: the model has other layers or other labels; `backend`.
 */
export async function warmStart(task: TrainingTask, team: Team, model: ModelFiles): Promise<Checkpoint> {
  const { recipe, train } = task;
  checkSame(recipe.name, "layers", recipe.layers, model);
  checkSame(recipe.name, "labels", train.classes, model);
  const served = toFloat32(model.weights, model.manifest.weights.dtype);
  const numbers = unfoldScale(team.parameters, served, recipe.logitScale ?? 1);
  const normalised = recipe.batchNorm ? team.parameters.filter((parameter) => parameter.normalised) : [];
  // The moments of a layer depend on the biases of the layers before it.
  for (const [i, bias] of normalised.entries()) {
    unfoldBias(bias, numbers, (await momentsOf(task, team, numbers))[i]!);
  }
  return startFrom(numbers);
}

function checkSame(
  recipe: string,
  what: "layers" | "labels",
  wanted: unknown,
  { manifest }: ModelFiles,
): void {
  if (JSON.stringify(manifest[what]) === JSON.stringify(wanted)) return;
  throw new ModelError(
    "invalid",
    `Cannot start ${recipe} from ${manifest.name} ${manifest.version}: its ${what} differ from those of the` +
      ` recipe and its data; expected the same ${what}`,
  );
}
