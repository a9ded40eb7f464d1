import { plural } from "../../../lib/plural.ts";
import { printable } from "../../../lib/printable.ts";
import type { Manifest } from "../../../models/manifest.ts";
import type { Orientation } from "../../../models/image/format.ts";
import type { Inspection, Stage, Way } from "./inspection.ts";

/** A fact and its value, human-readable. */
export type Fact = readonly [name: string, value: string];

/** What turns a stored image upright. */
const TURNS: Readonly<Partial<Record<Orientation, string>>> = {
  2: "mirrored",
  3: "turned by 180°",
  4: "turned by 180° and mirrored",
  5: "mirrored and turned 90° to the left",
  6: "turned 90° to the right",
  7: "mirrored and turned 90° to the right",
  8: "turned 90° to the left",
};

/** Extensions of file names, by format. */
const EXTENSIONS: Readonly<Record<string, RegExp>> = {
  PNG: /^(png|apng)$/,
  JPEG: /^(jpe?g|jfif|jpe)$/,
  WebP: /^webp$/,
  GIF: /^gif$/,
  BMP: /^(bmp|dib)$/,
  TIFF: /^tiff?$/,
  AVIF: /^(avif|avifs)$/,
  HEIC: /^(heic|heif|heics)$/,
  PNM: /^(pnm|pbm|pgm|ppm|pam)$/,
  ICO: /^(ico|cur)$/,
};

/**
 * Lists what is known of an image.
 *
 * @param inspection Of the image.
 * @param model That classified it.
 */
export function factsOf(inspection: Inspection, model: Manifest): Fact[] {
  const { file, bytes, format, header, encoding, way, outcome } = inspection;
  const facts: Fact[] = [];
  if (format) facts.push(["format", format + nameMismatch(file, format)]);
  if (bytes !== undefined) facts.push(["file", plural(bytes, "byte", count(bytes))]);
  if (header) {
    const samples = encoding ? `, ${plural(encoding.bits, "bit")}, ${encoding.colours}` : "";
    facts.push(["stored", `${header.width} × ${header.height} pixels${samples}`]);
  }
  if (encoding) {
    const turn = TURNS[encoding.orientation];
    facts.push([
      "upright",
      turn === undefined ? "as stored" : `${turn} (orientation ${encoding.orientation})`,
    ]);
  }
  if (way) facts.push(["decoded", `${sizeOf(way.stages[0])} in ${milliseconds(way.decodeMs)}`]);
  if (header) facts.push(["bounds", boundsOf(inspection)]);
  if (way) facts.push(["form", formOf(way, model)]);
  facts.push(["model", `${model.name} ${model.version}`]);
  if (outcome.ok) {
    facts.push([
      "result",
      outcome.unknown
        ? `unknown: probably none of its classes (the best is ${outcome.top[0].label})`
        : outcome.top[0].label,
    ]);
  } else facts.push(["refused", `${outcome.code}: ${printable(outcome.message)}`]);
  return facts;
}

/** What the image took of each bound, and which of them had an effect. */
function boundsOf({ header, way }: Inspection): string {
  const { width, height, decodedBytes, limits } = header!;
  const parts = [
    `${count(width * height)} of ${count(limits.maxPixels)} pixels`,
    `${mebibytes(decodedBytes)} of ${mebibytes(limits.maxDecodedBytes)} MiB`,
  ];
  if (way) parts.push(`${milliseconds(way.decodeMs)} of ${count(limits.maxDecodeMs)} ms`);
  const reduction = reductionOf(header!, way);
  if (reduction > 1) {
    parts.push(`decoded at 1/${reduction}: it has more than ${count(limits.reduceAbovePixels)} pixels`);
  }
  return parts.join("; ");
}

/**
 * @param stored Size in the file.
 * @param way Of the image.
 * @returns By how much the decoder reduced it: 1, 2, 4 or 8.
 */
export function reductionOf(
  stored: { readonly width: number; readonly height: number },
  way: Way | undefined,
): number {
  if (!way) return 1;
  return Math.round(
    Math.max(stored.width, stored.height) / Math.max(way.stages[0].width, way.stages[0].height),
  );
}

function formOf({ stages, formMs }: Way, { input }: Manifest): string {
  const { form, width, height, channels } = input;
  const target = `${width} × ${height} ${channels === 1 ? "grey" : "RGB"}`;
  const [original] = stages;
  const isInForm = stages.length === 2 && original.width === width && original.height === height;
  const how = form === undefined ? "resized" : isInForm ? `${form}, unchanged: it is in this form` : form;
  return `${how}; ${target}, in ${milliseconds(formMs)}`;
}

function nameMismatch(file: string, format: string): string {
  const extension = /\.(\w{2,5})$/.exec(file)?.[1]?.toLowerCase();
  const isOther = extension !== undefined && Object.values(EXTENSIONS).some((names) => names.test(extension));
  return isOther && !EXTENSIONS[format]!.test(extension) ? `, although its name ends in .${extension}` : "";
}

function sizeOf({ width, height, channels }: Stage): string {
  return `${width} × ${height} ${channels === 1 ? "grey" : channels === 3 ? "RGB" : "RGB with alpha"}`;
}

/** With as many digits as are worth reading. */
function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : count(ms)} ms`;
}

function mebibytes(bytes: number): string {
  const size = bytes / 2 ** 20;
  return size < 10 ? size.toFixed(1) : count(size);
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
