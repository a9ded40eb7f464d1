import type { JsonFields } from "../lib/json_fields.ts";

/** The trained parameters: one file with all tensors in the order of the layers, kernel before bias. */
export interface WeightsSpec {
  /** File name inside the folder; no path. */
  readonly file: string;
  /** How each number is stored, little-endian. */
  readonly dtype: "float32" | "float16";
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

const MAX_WEIGHTS_BYTES = 1_073_741_824;

/**
 * Checks a field `weights` of a manifest.
 *
 * @param fields Its fields.
 * @throws {ModelError} `invalid_manifest`
 */
export function parseWeights(fields: JsonFields): WeightsSpec {
  const weights: WeightsSpec = {
    file: fields.pattern(
      "file",
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/,
      "a file name inside the folder, without a path",
    ),
    dtype: fields.oneOf<"float32" | "float16">("dtype", ["float32", "float16"]),
    bytes: fields.integer("bytes", 1, MAX_WEIGHTS_BYTES),
    sha256: fields.pattern("sha256", /^[0-9a-f]{64}$/, "64 hexadecimal digits in lower case"),
  };
  fields.refuseOthers();
  return weights;
}
