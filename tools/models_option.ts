import { UsageError } from "../cli/command.ts";
import type { TextsRow } from "../lib/options.ts";
import { SHIPPED_MODELS } from "../models/registry.ts";

/** Which of the shipped models are used. */
export const MODELS_OPTION: { readonly models: TextsRow } = {
  models: {
    type: "texts",
    commas: true,
    otherwise: "all shipped models",
    value: "A,B",
    text: "models that images are sent to, in turn",
  },
};

/**
 * The models of the option, each once.
 *
 * @throws {UsageError} For one that is not shipped.
 */
export function modelsOf(
  { models = SHIPPED_MODELS }: { readonly models?: readonly string[] | undefined },
): string[] {
  const unknown = models.find((name) => !SHIPPED_MODELS.includes(name));
  if (unknown === undefined) return [...new Set(models)];
  throw new UsageError(`--models has "${unknown}": expected ${SHIPPED_MODELS.join(", ")}`);
}
