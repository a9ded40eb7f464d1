import { BusError } from "../../../bus/transport/errors.ts";
import type { Classifier, Outcome } from "../../../models/classifier.ts";
import { toCanonical } from "../../../models/image/canonical.ts";
import { toPixels } from "../../../models/image/canonical/plane.ts";
import {
  type DecodeLimits,
  type EncodedImage,
  formatName,
  loadDecoders,
  openImage,
} from "../../../models/image/decode.ts";
import type { Encoding, Pixels } from "../../../models/image/format.ts";
import { ImageError } from "../../../models/errors.ts";
import type { InputSpec } from "../../../models/manifest.ts";
import { readImageFile } from "../../image_file.ts";
import { fitPicture } from "../../ui/picture.ts";

/** How many classes are shown. */
export const TOP = 3;

/** What becomes of one image. */
export interface Inspection {
  /** Its path, or `-`. */
  readonly file: string;
  /** Its size; undefined if it is too large to be read. */
  readonly bytes?: number;
  /** What it is, whatever its name, e.g. `"PNG"`; undefined if it cannot be decoded. */
  readonly format?: string | undefined;
  /** What its header declares; undefined if it cannot be read. */
  readonly header?: EncodedImage | undefined;
  /** How it is stored; undefined if that cannot be found out. */
  readonly encoding?: Encoding | undefined;
  /** Its way through decoder and canonical form; undefined if it is refused. */
  readonly way?: Way | undefined;
  /** The scores, or why the image is refused. */
  readonly outcome: Outcome | { readonly ok: false; readonly code: string; readonly message: string };
}

/** What an image is on its way to the model. */
export interface Way {
  /** The original, decoded and upright; the steps of the canonical form, if any; and last what the first layer is given. */
  readonly stages: readonly [Stage, ...Stage[], Stage];
  readonly decodeMs: number;
  readonly formMs: number;
}

/** What an image is at one point of its way. */
export interface Stage {
  /** In one to three words. */
  readonly name: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Reduced to be shown: at most {@linkcode MAX_SIDE} wide and high, and opaque. */
  readonly picture: Pixels;
}

/** Longer side of what is kept of an image, in pixels. */
const MAX_SIDE = 512;

/**
 * Does with an image what a Worker does, and keeps what it is in between.
 *
 * @param file A path, or `-` for standard input.
 * @param classifier The model, with the same limits.
 * @param limits Bounds on what is decoded.
 * @param maxBytes Largest size of the file.
 * @throws {UsageError} If it cannot be read.
 */
export async function inspectFile(
  file: string,
  classifier: Classifier,
  limits: DecodeLimits,
  maxBytes: number,
): Promise<Inspection> {
  try {
    const bytes = await readImageFile(file, maxBytes);
    await loadDecoders([bytes]);
    const header = attempt(() => openImage(bytes, limits));
    const encoding = attempt(() => header?.describe());
    const way = attempt(() => header && follow(header, classifier.manifest.input));
    const [outcome] = classifier.classify([bytes]);
    return { file, bytes: bytes.length, format: formatName(bytes), header, encoding, way, outcome: outcome! };
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return { file, outcome: { ok: false, code: error.code, message: error.message } };
  }
}

/** The classifier refuses the image for the same reason. */
function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

function follow(image: EncodedImage, input: InputSpec): Way {
  const begun = performance.now();
  const original = image.decode();
  const decoded = performance.now();
  const steps: Stage[] = [];
  const target = new Float32Array(input.width * input.height * input.channels);
  toCanonical(original, input, target, (name, image) => {
    steps.push(stage(name, "channels" in image ? image : toPixels([image])));
  });
  const formMs = performance.now() - decoded;
  const seen = stage("what the model sees", unstandardised(target, input));
  return { stages: [stage("original", original), ...steps, seen], decodeMs: decoded - begun, formMs };
}

function stage(name: string, image: Pixels): Stage {
  const { width, height, channels } = image;
  return { name, width, height, channels, picture: fitPicture(image, MAX_SIDE, MAX_SIDE) };
}

function unstandardised(values: Float32Array, { width, height, channels, mean, std }: InputSpec): Pixels {
  const data = Uint8ClampedArray.from(values, (value, i) => {
    const c = i % channels;
    return 255 * (value * std[c]! + mean[c]!);
  });
  return { width, height, channels, data: new Uint8Array(data.buffer) };
}
