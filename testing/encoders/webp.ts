import factory from "npm:@jsquash/webp@1.5.0/codec/enc/webp_enc.js";
import { defaultOptions } from "npm:@jsquash/webp@1.5.0/meta.js";
import type { Pixels } from "../../models/image/format.ts";
import { Budget } from "../../models/image/limits.ts";
import { type EmscriptenModule, WasmCodec } from "../../models/image/wasm_codec.ts";
import { toRgba } from "./rgba.ts";
import binary from "./webp_encoder_wasm.js";

interface WebpEncoder extends EmscriptenModule {
  encode(rgba: Uint8Array, width: number, height: number, options: object): Uint8Array | null;
}

const codec = new WasmCodec<WebpEncoder>(factory as unknown as (options: object) => unknown, binary);

/**
 * Encodes an image as WebP, by libwebp.
 *
 * @param pixels Any image.
 * @param quality 0 to 100, or lossless.
 */
export function encodeWebp(pixels: Pixels, quality: number | "lossless"): Uint8Array {
  const { width, height } = pixels;
  const changed = quality === "lossless" ? { lossless: 1, exact: 1, quality: 75 } : { quality };
  const options = { ...defaultOptions, ...changed };
  const file = codec.use(
    new Budget("WebP", {}),
    (module) => module.encode(toRgba(pixels), width, height, options)?.slice(),
  );
  if (!file) throw new Error(`Cannot encode ${width} × ${height} pixels as WebP`);
  return file;
}
