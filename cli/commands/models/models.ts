import { type Action, defineActions, NO_OPERANDS } from "../../command.ts";
import { compare } from "./compare.ts";
import { list } from "./list.ts";
import { MODELS_OPTIONS, type ModelsArguments } from "./options.ts";
import { canary, promote, rollback, shadow } from "./serve.ts";
import { versions } from "./versions.ts";

const OPTIONS = ["modelsDirs", "json"] as const;

function action(
  form: string,
  run: (args: ModelsArguments) => Promise<number>,
): Action<typeof MODELS_OPTIONS> {
  return { operands: { form, min: 1, max: 1 }, options: OPTIONS, run };
}

/** Lists models and their versions, and chooses the version that is served. */
export const models = defineActions({
  name: "models",
  summary: "List models and their versions, and choose the version that is served",
  options: MODELS_OPTIONS,
  examples: [
    ["imagebus models", "the models that imagebus worker would serve"],
    ["imagebus models --models-dirs ./mine", "also those in ./mine"],
    ["imagebus models versions shapes", "the versions of one model, and which is served"],
    ["imagebus models promote shapes@1.1.0", "running workers exchange it within seconds, and lose no image"],
    ["imagebus models rollback shapes", "serve the version before"],
    ["imagebus models canary shapes@1.1.0=10%", "a share of the images, always those with the same keys"],
    ["imagebus models shadow shapes@1.1.0", "copies of the images; the results are compared only"],
    ["imagebus models compare shapes", "how the shadow agrees, and the accuracy of both"],
  ],
  permissions: ["env", "read", "write"],
  otherwise: "list",
  actions: {
    list: { operands: NO_OPERANDS, options: OPTIONS, run: list },
    versions: action("NAME", versions),
    promote: action("NAME@VERSION", promote),
    rollback: action("NAME", rollback),
    canary: action("NAME@VERSION=PERCENT%|NAME=off", canary),
    shadow: action("NAME@VERSION|NAME=off", shadow),
    compare: {
      operands: { form: "NAME|NAME@VERSION", min: 1, max: 1 },
      options: ["results", "json"],
      run: compare,
    },
  },
});
