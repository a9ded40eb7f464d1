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

const UNBOUNDED = new Budget("WebP", { maxDecodedBytes: Infinity });
const codec = new WasmCodec<WebpEncoder>(factory as unknown as (options: object) => unknown, binary);

/**
 * Encodes an image as WebP, by libwebp.
 *
 * @param pixels Any image.
 * @param options Fields of libwebp's WebPConfig: `{ quality: 80 }`, `{ lossless: 1, exact: 1 }`.
 */
export function encodeWebp(pixels: Pixels, options: Partial<typeof defaultOptions>): Uint8Array {
  const { width, height } = pixels;
  const all = { ...defaultOptions, ...options };
  const file = codec.use(
    UNBOUNDED,
    (module) => module.encode(toRgba(pixels), width, height, all)?.slice() ?? null,
  );
  if (file === null) throw new Error(`Cannot encode ${width} × ${height} pixels as WebP`);
  return file;
}
