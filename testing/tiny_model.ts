/**
 * A model small enough to be calculated by hand: 2 × 2 grey pixels, "light" if their sum exceeds half of the
 * maximum.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { parseManifest } from "../models/manifest.ts";
import { sha256Hex } from "../models/registry.ts";

/** Kernel (4 inputs × 2 outputs), then bias: light = sum of the pixels, dark = 2. */
const PARAMETERS = [0, 1, 0, 1, 0, 1, 0, 1, 2, 0];

/** Its manifest as JSON, which tests may change. */
export function tinyManifest(name = "tiny") {
  return {
    format: 1,
    name,
    version: "1.0.0",
    description: "Distinguishes light images from dark ones",
    labels: ["dark", "light"],
    input: { width: 2, height: 2, channels: 1, mean: [0], std: [1] },
    layers: [{ type: "flatten" }, { type: "dense", units: 2 }] as Record<string, unknown>[],
    weights: { file: "weights.bin", dtype: "float32", bytes: 40, sha256: "0".repeat(64) },
  };
}

export function tinyWeights(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Float32Array.from(PARAMETERS).buffer);
}

/** The model as it is loaded from a folder, with changes of its manifest. */
export async function tinyModel(changes: Record<string, unknown> = {}): Promise<ModelFiles> {
  const weights = tinyWeights();
  const manifest = tinyManifest();
  manifest.weights.sha256 = await sha256Hex(weights);
  return { manifest: parseManifest({ ...manifest, ...changes }, "tiny"), weights };
}

/** Writes the model's folder into a directory of models, or the folder of a version of it. */
export async function writeTinyModel(
  directory: string,
  name = "tiny",
  version?: string,
  labels?: readonly string[],
): Promise<void> {
  const manifest = { ...tinyManifest(name), ...defined({ version, labels }) };
  manifest.weights.sha256 = await sha256Hex(tinyWeights());
  const folder = [directory, name, ...version === undefined ? [] : [version]].join("/");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/manifest.json`, JSON.stringify(manifest));
  await Deno.writeFile(`${folder}/weights.bin`, tinyWeights());
}
