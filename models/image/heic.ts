import factory from "npm:libheif-js@1.23.2/libheif-wasm/libheif.js";
import { ImageError } from "../errors.ts";
import type { ImageDecoder, Pixels } from "./format.ts";
import binary from "./heic_wasm.js";
import { describeHeif, type HeifHeader, readHeifHeader, type Thumbnail } from "./heif_boxes.ts";
import { type EmscriptenModule, WasmCodec } from "./wasm_codec.ts";

/** The error of libheif. */
interface HeifError {
  readonly code?: unknown;
  readonly message?: string;
}

interface HeifChannel {
  readonly id: unknown;
  readonly width: number;
  readonly height: number;
  /** Bytes from row to row. */
  readonly stride: number;
  readonly data: Uint8Array;
}

/** The part of libheif's interface that is used. */
interface HeifModule extends EmscriptenModule {
  readonly heif_error_code: { readonly heif_error_Ok: unknown };
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: {
    readonly heif_chroma_interleaved_RGB: unknown;
    readonly heif_chroma_interleaved_RGBA: unknown;
  };
  heif_context_alloc(): object | null;
  heif_context_free(context: object): void;
  heif_context_read_from_memory(context: object, bytes: Uint8Array): HeifError;
  heif_js_context_get_image_handle(context: object, id: number): object & HeifError;
  heif_image_handle_release(handle: object): void;
  heif_js_decode_image2(
    handle: object,
    colours: unknown,
    chroma: unknown,
  ): HeifError & { readonly image: object; readonly channels: readonly HeifChannel[] };
  heif_image_release(image: object): void;
}

const codec = new WasmCodec<HeifModule>(factory as unknown as (options: object) => unknown, binary);

/** Per pixel: planes of up to 16 bits, a tile's or the reference frame beside them, RGBA twice, RGB. */
const BYTES_PER_PIXEL = 24;

/** Memory of libheif that does not depend on the image. */
const FIXED_BYTES = 2 ** 25;

/** Longer side of a thumbnail that is used, in pixels: what the canonical forms of photographs work on. */
const MIN_THUMBNAIL_SIDE = 256;

/**
 * HEIC (HEVC in HEIF, what iPhones write): the primary image. By libheif in WASM, which applies the orientation itself. HEVC
 * cannot be decoded at a lower cost, but cameras add a thumbnail of a few hundred pixels: a large image is decoded from that.
 */
export const heic: ImageDecoder = {
  open(bytes, budget) {
    const header = readHeifHeader("HEIC", bytes, budget);
    const { width, height, hasAlpha } = header;
    const item = chooseItem(header, budget.limits.reduceAbovePixels);
    const decodeOne = (id: number): Pixels =>
      codec.use(budget, (module) => decodeItem(module, bytes, id, hasAlpha));
    const decode = (): Pixels => {
      if (item === header) return decodeOne(header.id);
      try {
        return decodeOne(item.id);
      } catch {
        budget.checkMemory(memoryOf(header, bytes));
        return decodeOne(header.id);
      }
    };
    return {
      width,
      height,
      decodedBytes: memoryOf(item, bytes),
      describe: () => describeHeif(header),
      decode,
    };
  },
};

function memoryOf({ width, height }: Thumbnail, bytes: Uint8Array): number {
  return FIXED_BYTES + bytes.length + BYTES_PER_PIXEL * width * height;
}

/** The image, or its thumbnail. */
function chooseItem(header: HeifHeader, maxPixels: number): Thumbnail {
  const { width, height, hasAlpha, thumbnail } = header;
  if (thumbnail === undefined || hasAlpha || width * height <= maxPixels) return header;
  return Math.max(thumbnail.width, thumbnail.height) >= MIN_THUMBNAIL_SIDE ? thumbnail : header;
}

function decodeItem(module: HeifModule, bytes: Uint8Array, id: number, hasAlpha: boolean): Pixels {
  const context = module.heif_context_alloc();
  if (!context) throw refusal();
  const error = module.heif_context_read_from_memory(context, bytes);
  if (error.code !== module.heif_error_code.heif_error_Ok) throw refusal(error);
  const handle = module.heif_js_context_get_image_handle(context, id);
  if (!handle || handle.code !== undefined) throw refusal(handle);
  const { heif_colorspace_RGB: rgb } = module.heif_colorspace;
  const { heif_chroma_interleaved_RGB: three, heif_chroma_interleaved_RGBA: four } = module.heif_chroma;
  const decoded = module.heif_js_decode_image2(handle, rgb, hasAlpha ? four : three);
  const channel = decoded?.channels?.[0];
  if (!channel) throw refusal(decoded);
  const pixels = tight(channel, hasAlpha ? 4 : 3);
  module.heif_image_release(decoded.image);
  module.heif_image_handle_release(handle);
  module.heif_context_free(context);
  return pixels;
}

/** Without what stands between the rows. */
function tight({ width, height, stride, data }: HeifChannel, channels: 3 | 4): Pixels {
  const tight = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    tight.set(data.subarray(y * stride, y * stride + width * channels), y * width * channels);
  }
  return { width, height, channels, data: tight };
}

/** The words of libheif, which can end with a line feed. */
function refusal({ message }: HeifError = {}): ImageError {
  const reason = message?.trim() || "its pixels cannot be decoded";
  const [, feature] = /^(?:Unsupported feature|Error while loading plugin): (.*)/s.exec(reason) ?? [];
  if (feature !== undefined) return new ImageError("unsupported", `This HEIC is not supported: ${feature}`);
  const [, limit] = /Security limit exceeded: (.*)/s.exec(reason) ?? [];
  if (limit !== undefined) {
    return new ImageError("over_limit", `The HEIC exceeds a limit of its decoder: ${limit}`);
  }
  return new ImageError("damaged", `The HEIC is damaged: ${reason}`);
}
