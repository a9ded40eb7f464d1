import factory from "npm:@jsquash/avif@2.1.1/codec/dec/avif_dec.js";
import { ImageError } from "../errors.ts";
import binary from "./avif_wasm.js";
import type { ImageDecoder, Pixels } from "./format.ts";
import { describeHeif, readHeifHeader } from "./heif_boxes.ts";
import { upright } from "./orientation.ts";
import { type EmscriptenModule, type RgbaImage, WasmCodec, withoutAlpha } from "./wasm_codec.ts";

interface AvifModule extends EmscriptenModule {
  /** Gives RGBA of that depth, or nothing if the file is broken. */
  decode(bytes: Uint8Array, bitDepth: number): RgbaImage | null;
}

const codec = new WasmCodec<AvifModule>(factory as (options: object) => unknown, binary);

/** Per pixel: planes of up to 16 bits, the reference frame beside them, RGBA twice, RGB. */
const BYTES_PER_PIXEL = 28;

/** Memory of libavif and its AV1 decoder that does not depend on the image. */
const FIXED_BYTES = 2 ** 25;

/** AVIF (AV1 Image File Format), with alpha, of 8 to 12 bits; of a sequence the first image. By libavif in WASM. */
export const avif: ImageDecoder = {
  open(bytes, budget) {
    const header = readHeifHeader("AVIF", bytes, budget);
    const { width, height, orientation, hasAlpha } = header;
    const decode = (): Pixels => {
      const image = codec.use(budget, (module) => module.decode(bytes, 8));
      if (!image) throw new ImageError("damaged", "The AVIF is damaged: its pixels cannot be decoded");
      const size = { width: image.width, height: image.height };
      if (hasAlpha) {
        return upright({ ...size, channels: 4, data: new Uint8Array(image.data.buffer) }, orientation);
      }
      return upright({ ...size, channels: 3, data: withoutAlpha(image.data) }, orientation);
    };
    return {
      width,
      height,
      decodedBytes: FIXED_BYTES + bytes.length + BYTES_PER_PIXEL * width * height,
      describe: () => describeHeif(header),
      decode,
    };
  },
};
