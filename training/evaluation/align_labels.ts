import { ModelError } from "../../models/errors.ts";
import { resolveClass } from "../datasets/class_mapping.ts";
import { type DataSet, labelArray } from "../datasets/data_set.ts";

/**
 * Converts the labels of a data set to those of a model, by the names of the classes.
 *
 * @param data Any data set; a class can be called as for {@linkcode resolveClass}.
 * @param model Its name, and its labels.
 * @returns The same images; `labels` are indices into the labels of the model.
 * @throws {ModelError} `invalid`: a class of the data that the model does not have.
 */
export function alignLabels(
  data: DataSet,
  { name, labels: classes }: { readonly name: string; readonly labels: readonly string[] },
): DataSet {
  const positions = data.classes.map((label) => positionOf(label, classes, `${name} on ${data.title}`));
  const labels = labelArray(data.count, classes.length);
  data.labels.forEach((label, i) => labels[i] = positions[label]!);
  return { ...data, labels, classes };
}

function positionOf(label: string, classes: readonly string[], what: string): number {
  try {
    return resolveClass(label, classes, new Map())[0]!;
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause;
    const known = classes.slice(0, 10).join(", ") + (classes.length > 10 ? ", …" : "");
    throw new ModelError(
      "invalid",
      `Cannot measure ${what}: the model has no class "${
        label.slice(0, 80)
      }", but ${known}; expected images of its ` +
        "classes, or --photos with --classes",
      { cause },
    );
  }
}
