import { ModelError } from "../../models/errors.ts";
import { parseJson } from "../../models/parse_json.ts";
import { didYouMean } from "../../lib/suggestion.ts";

/** For names of classes the labels that are right; none for images of no label. */
export type ClassMapping = ReadonlyMap<string, readonly string[]>;

/**
 * Parses a mapping of classes to labels: `{ "t-shirt": "T-shirt/top", "shoes": ["Sandal", "Sneaker"], "hat": [] }`.
 *
 * @param content JSON: an object with a label or a list of labels for each class.
 * @param where The file, for messages.
 * @throws {ModelError} `invalid`: not JSON, or of another form.
 */
export function parseClassMapping(content: string | Uint8Array, where: string): ClassMapping {
  const value = parseJson(content, where);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ModelError("invalid", `${where} must be an object {…} with a label or labels for each class`);
  }
  return new Map(Object.entries(value).map(([name, labels]) => [name, labelsOf(labels, name, where)]));
}

function labelsOf(value: unknown, name: string, where: string): readonly string[] {
  const labels = Array.isArray(value) ? value : [value];
  if (labels.every((label) => typeof label === "string")) return labels;
  const shown = JSON.stringify(value).slice(0, 80);
  throw new ModelError("invalid", `${where}: "${name}" must be a label or a list of labels; it is ${shown}`);
}

/**
 * Finds the labels that are right for a class.
 *
 * @param name Of the class: in the mapping, a label, or the position of one from 0. Capitals and punctuation do not count:
 * `ankle-boot` is `Ankle boot`.
 * @param labels Of the model.
 * @param mapping Takes precedence.
 * @returns Positions in `labels`; none where the mapping has none.
 * @throws {ModelError} `invalid`: neither is there.
 */
export function resolveClass(name: string, labels: readonly string[], mapping: ClassMapping): number[] {
  const names = mapping.get(name) ?? [name];
  return names.map((each) => positionOf(each, labels) ?? fail(each, labels));
}

/**
 * The label that a name stands for: one that is equal, or the one at this position from 0, or one that differs in capitals
 * and punctuation only.
 *
 * @param name As people and folders are called: `ankle-boot`.
 * @param labels Of the model: `Ankle boot`.
 * @returns `undefined` if there is none.
 */
export function labelFor(name: string, labels: readonly string[]): string | undefined {
  return labels[positionOf(name, labels) ?? -1];
}

function positionOf(name: string, labels: readonly string[]): number | undefined {
  const exact = labels.indexOf(name);
  if (exact !== -1) return exact;
  if (/^\d{1,5}$/.test(name) && Number(name) < labels.length) return Number(name);
  const similar = labels.findIndex((label) => plain(label) === plain(name));
  return similar === -1 ? undefined : similar;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, " ").trim();
}

function fail(name: string, labels: readonly string[]): never {
  const expected = "expected a label, the position of one, or an entry in the mapping";
  throw new ModelError(
    "invalid",
    `Unknown class "${name.slice(0, 80)}" (${expected})${didYouMean(name, labels)}`,
  );
}
