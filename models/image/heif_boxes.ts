/**
 * The boxes of HEIF (ISO/IEC 23008-12), the container of AVIF and HEIC, as far as the bounds and the orientation need them.
 *
 * @module
 */
import { plural } from "../../lib/plural.ts";
import { ImageError } from "../errors.ts";
import type { Encoding, Orientation } from "./format.ts";
import type { Budget } from "./limits.ts";

/** Names of an alpha plane: MPEG's, and HEVC's. */
const ALPHA = /^urn:(mpeg:mpegB:cicp:systems:auxiliary:alpha|mpeg:hevc:2015:auxid:1)\0/;

/** What the container declares about its primary image. */
export interface HeifHeader {
  /** Of the primary image. */
  readonly id: number;
  /** In pixels, the largest of all images in the file. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  readonly hasAlpha: boolean;
  /** A smaller image of the same, if there is one; the largest of several. */
  readonly thumbnail: Thumbnail | undefined;
  /** Bits per sample. */
  readonly bits: number;
  /** Samples of colour, as people name them: 4:2:0; undefined if there are none. */
  readonly chroma: string | undefined;
}

/** A thumbnail of the primary image. */
export interface Thumbnail {
  readonly id: number;
  /** In pixels, as stored. */
  readonly width: number;
  readonly height: number;
}

/** Share by which the proportions of a thumbnail may differ from those of its image, since sides are whole pixels. */
const MAX_DISTORTION = 0.03;

/**
 * @param header Of a file.
 * @returns How it stores its pixels.
 */
export function describeHeif({ bits, chroma, hasAlpha, orientation }: HeifHeader): Encoding {
  const colours = (chroma === undefined ? "grey" : `YCbCr ${chroma}`) + (hasAlpha ? " with alpha" : "");
  return { bits, colours, orientation };
}

interface Box {
  readonly type: string;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
}

/** The boxes between two places. */
function* boxesOf(view: DataView, start: number, end: number, budget: Budget): Generator<Box, undefined> {
  for (let at = start, count = 1; at + 8 <= end; count++) {
    budget.checkCount("chunks", count);
    let [length, header] = [view.getUint32(at), 8];
    const type = fourCharacters(view, at + 4);
    if (length === 1 && at + 16 <= end) [length, header] = [Number(view.getBigUint64(at + 8)), 16];
    if (length === 0) length = end - at;
    if (length < header || at + length > end) {
      throw new ImageError(
        "damaged",
        `The ${budget.format} is damaged: a box of ${plural(length, "byte")} stands at byte ${at}, where ${
          end - at
        } are left`,
      );
    }
    yield { type, start: at + header, end: at + length };
    at += length;
  }
}

/**
 * Reads what is known of the images of a file.
 *
 * @param format Name for the errors.
 * @param bytes The file.
 * @param budget The bounds.
 * @returns The header.
 * @throws {ImageError} `damaged`, `over_limit`
 */
export function readHeifHeader(format: string, bytes: Uint8Array, budget: Budget): HeifHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const search = (start: number, end: number, type: string) => {
    for (const box of boxesOf(view, start, end, budget)) if (box.type === type) return box;
  };
  const find = (start: number, end: number, type: string) => {
    const box = search(start, end, type);
    if (box) return box;
    throw new ImageError("damaged", `The ${format} is damaged: it has no box "${type}"`);
  };
  const meta = find(0, bytes.length, "meta");
  const inside = meta.start + 4;
  const primary = find(inside, meta.end, "pitm");
  const id = view.getUint8(primary.start) === 0
    ? view.getUint16(primary.start + 4)
    : view.getUint32(primary.start + 4);
  const iprp = find(inside, meta.end, "iprp");
  const ipco = find(iprp.start, iprp.end, "ipco");
  const properties = [...boxesOf(view, ipco.start, ipco.end, budget)];
  const associated = associations(view, find(iprp.start, iprp.end, "ipma"), budget);
  const propertiesOf = (item: number) =>
    (associated.get(item) ?? []).map((i) => properties[i - 1]).filter((box) => box !== undefined);
  const extents = properties.filter(({ type, start, end }) => type === "ispe" && end - start >= 12);
  const width = extents.reduce((max, { start }) => Math.max(max, view.getUint32(start + 4)), 0);
  const height = extents.reduce((max, { start }) => Math.max(max, view.getUint32(start + 8)), 0);
  if (width === 0 || height === 0) {
    throw new ImageError(
      "damaged",
      `The ${format} is damaged: its header declares ${width} × ${height} pixels`,
    );
  }
  const alpha = properties.some(({ type, start, end }) => {
    return type === "auxC" && ALPHA.test(latin1(view, start + 4, end - start - 4));
  });
  const orientation = orientationOf(view, propertiesOf(id));
  const iref = search(inside, meta.end, "iref");
  const thumbnails = (iref ? thumbnailsOf(view, iref, id, budget) : []).flatMap((item) => {
    const own = propertiesOf(item);
    const extent = own.find(({ type, start, end }) => type === "ispe" && end - start >= 12);
    if (extent === undefined || orientationOf(view, own) !== orientation) return [];
    const size = { width: view.getUint32(extent.start + 4), height: view.getUint32(extent.start + 8) };
    const distortion = Math.abs(size.width * height / (size.height * width) - 1);
    return distortion <= MAX_DISTORTION ? [{ id: item, ...size }] : [];
  });
  const thumbnail = thumbnails.sort((a, b) => b.width - a.width)[0];
  return { id, width, height, orientation, hasAlpha: alpha, thumbnail, ...samplesOf(view, properties) };
}

/** Items that are thumbnails of another: 8.11.12 of ISO/IEC 14496-12. */
function thumbnailsOf(view: DataView, { start, end }: Box, id: number, budget: Budget): number[] {
  const size = view.getUint8(start) === 0 ? 2 : 4;
  const idAt = (at: number) => size === 2 ? view.getUint16(at) : view.getUint32(at);
  const found: number[] = [];
  for (const { type, start: from, end: to } of boxesOf(view, start + 4, end, budget)) {
    if (type !== "thmb") continue;
    let at = from + size + 2;
    while (at + size <= to && idAt(at) !== id) at += size;
    if (at + size <= to) found.push(idAt(from));
    budget.checkCount("frames", found.length);
  }
  return [...new Set(found)];
}

/** Of the first configuration of a codec, which is the image's or its first tile's; AV1-ISOBMFF, 2.3.3; ISO/IEC 14496-15, 8.3.3.1. */
function samplesOf(view: DataView, properties: readonly Box[]): Pick<HeifHeader, "bits" | "chroma"> {
  const box = properties.find(({ type, start, end }) =>
    (type === "av1C" && end - start >= 4) || (type === "hvcC" && end - start >= 18)
  );
  if (box?.type === "av1C") {
    const flags = view.getUint8(box.start + 2);
    const chroma = ["4:4:4", "4:4:0", "4:2:2", "4:2:0"][(flags >> 2) & 3];
    const bits = 8 + 2 * ((flags >> 6) & 1) + 2 * ((flags >> 5) & 1);
    return { bits, chroma: (flags & 0x10) !== 0 ? undefined : chroma };
  }
  if (box === undefined) return { bits: 8, chroma: "4:2:0" };
  const chroma = [undefined, "4:2:0", "4:2:2", "4:4:4"][view.getUint8(box.start + 16) & 3];
  return { bits: 8 + (view.getUint8(box.start + 17) & 7), chroma };
}

/** By item: the numbers of its properties, from 1; 8.11.14 of ISO/IEC 14496-12. */
function associations(view: DataView, { start, end }: Box, budget: Budget): Map<number, number[]> {
  const [version, wide] = [view.getUint8(start), (view.getUint8(start + 3) & 1) === 1];
  const count = view.getUint32(start + 4);
  budget.checkCount("chunks", count);
  const found = new Map<number, number[]>();
  let [at, total] = [start + 8, 0];
  for (let i = 0; i < count && at + 5 <= end; i++) {
    const item = version === 0 ? view.getUint16(at) : view.getUint32(at);
    at += version === 0 ? 2 : 4;
    const entries = view.getUint8(at++);
    budget.checkCount("chunks", total += entries);
    const own = found.get(item) ?? [];
    found.set(item, own);
    for (let j = 0; j < entries && at + (wide ? 2 : 1) <= end; j++, at += wide ? 2 : 1) {
      own.push(wide ? view.getUint16(at) & 0x7fff : view.getUint8(at) & 0x7f);
    }
  }
  return found;
}

/** By `irot` (quarter turns to the left), then `imir` (0: top and bottom swap, 1: left and right). */
const ORIENTATIONS: readonly (readonly Orientation[])[] = [
  // No mirror, top and bottom, left and right.
  [1, 4, 2],
  [8, 5, 7],
  [3, 2, 4],
  [6, 7, 5],
];

function orientationOf(view: DataView, properties: readonly Box[]): Orientation {
  const find = (type: string) => properties.find((box) => box.type === type && box.end > box.start);
  const [rotation, mirror] = [find("irot"), find("imir")];
  const turns = rotation ? view.getUint8(rotation.start) & 3 : 0;
  return ORIENTATIONS[turns]![mirror ? 1 + (view.getUint8(mirror.start) & 1) : 0]!;
}

function fourCharacters(view: DataView, at: number): string {
  const [a, b, c, d] = [
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  ];
  return String.fromCharCode(a, b, c, d);
}

function latin1(view: DataView, start: number, length: number): string {
  return String.fromCharCode(
    ...new Uint8Array(view.buffer, view.byteOffset + start, Math.max(0, Math.min(length, 64))),
  );
}
