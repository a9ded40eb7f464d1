import { compareVersions } from "../models/registry.ts";

/**
 * The version of a model that replaces another.
 *
 * @param old Of the replaced model.
 * @param planned Of the recipe.
 * @returns `planned` if it is higher, or if `old` is not of the form 1.2.3; else one minor version above `old`.
 */
export function versionAfter(old: string, planned: string): string {
  const [, major, minor] = /^(\d+)\.(\d+)\.\d+$/.exec(old) ?? [];
  const isHigher = compareVersions(planned, old) > 0;
  return minor === undefined || isHigher ? planned : `${major}.${Number(minor) + 1}.0`;
}
