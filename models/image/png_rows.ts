/**
 * From the inflated rows of a PNG to its pixels: filters and samples; PNG specification (third edition), 9 and 11.
 *
 * All works on offsets in large arrays: a view for each row would cost more than the row when there are millions.
 *
 * @module
 */
import type { PngChunks } from "./png_chunks.ts";
import { damagedPng } from "./png_chunks.ts";

/**
 * Undoes the filters of one pass, in place.
 *
 * @param raw Rows, each one byte for the filter and then `stride` bytes.
 * @param offset Where the first row begins.
 * @param rows How many.
 * @param stride Bytes per row without its filter.
 * @param distance Bytes from a sample to the same sample of the pixel to the left; at least 1.
 * @throws {ImageError} `damaged` if a filter is unknown.
 */
export function unfilter(
  raw: Uint8Array,
  offset: number,
  rows: number,
  stride: number,
  distance: number,
): void {
  for (let row = 0; row < rows; row++) {
    const start = offset + row * (stride + 1) + 1;
    const above = row === 0 ? -1 : start - stride - 1;
    const filter = raw[start - 1]!;
    if (filter === 1) addLeft(raw, start, stride, distance);
    else if (filter === 2) addAbove(raw, start, above, stride);
    else if (filter === 3) addAverage(raw, start, above, stride, distance);
    else if (filter === 4) addPaeth(raw, start, above, stride, distance);
    else if (filter !== 0) throw damagedPng(`row ${row} has the filter ${filter}; expected 0 to 4`);
  }
}

/** Turns the bytes of one row into samples with 8 bits; made once for an image. */
export interface RowReader {
  /** Samples per pixel of the result. */
  readonly channels: 1 | 3 | 4;
  /**
   * Reads one row.
   *
   * @param raw The rows without their filters.
   * @param start Where the row begins.
   * @param pixels Its length.
   * @param target Where the samples go.
   * @param at Index of the first of them.
   * @param step From one pixel to the next in the target, in samples.
   */
  read(raw: Uint8Array, start: number, pixels: number, target: Uint8Array, at: number, step: number): void;
}

/**
 * Chooses how the rows of a file are read.
 *
 * @param png The chunks.
 * @returns What turns its rows into grey, RGB or RGB with alpha.
 * @throws {ImageError} `damaged` if the palette is missing.
 */
export function rowReader(png: PngChunks): RowReader {
  const { header: { depth, samples, colourType }, transparency } = png;
  if (colourType === 3) return paletteReader(png);
  if (depth === 8 && transparency.byteLength === 0 && colourType !== 4) {
    return plainReader(samples as 1 | 3 | 4);
  }
  return samplesReader(png);
}

function addLeft(raw: Uint8Array, start: number, stride: number, distance: number): void {
  for (let i = start + distance; i < start + stride; i++) raw[i]! += raw[i - distance]!;
}

function addAbove(raw: Uint8Array, start: number, above: number, stride: number): void {
  if (above < 0) return;
  for (let i = 0; i < stride; i++) raw[start + i]! += raw[above + i]!;
}

function addAverage(raw: Uint8Array, start: number, above: number, stride: number, distance: number): void {
  for (let i = 0; i < stride; i++) {
    const left = i < distance ? 0 : raw[start + i - distance]!;
    const up = above < 0 ? 0 : raw[above + i]!;
    raw[start + i]! += (left + up) >> 1;
  }
}

function addPaeth(raw: Uint8Array, start: number, above: number, stride: number, distance: number): void {
  for (let i = 0; i < stride; i++) {
    const left = i < distance ? 0 : raw[start + i - distance]!;
    const up = above < 0 ? 0 : raw[above + i]!;
    const corner = above < 0 || i < distance ? 0 : raw[above + i - distance]!;
    const [toLeft, toUp] = [Math.abs(up - corner), Math.abs(left - corner)];
    const toCorner = Math.abs(left + up - 2 * corner);
    raw[start + i]! += toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
  }
}

function plainReader(channels: 1 | 3 | 4): RowReader {
  return {
    channels,
    read(raw, start, pixels, target, at, step) {
      for (let x = 0; x < pixels; x++, at += step) {
        for (let c = 0; c < channels; c++) target[at + c] = raw[start++]!;
      }
    },
  };
}

function paletteReader({ header: { depth }, palette, transparency }: PngChunks): RowReader {
  const colours = Math.floor(palette.byteLength / 3);
  if (colours === 0) throw damagedPng("it has no palette (PLTE)");
  const channels = transparency.byteLength === 0 ? 3 : 4;
  return {
    channels,
    read(raw, start, pixels, target, at, step) {
      for (let x = 0; x < pixels; x++, at += step) {
        const colour = sampleAt(raw, start, x, depth);
        if (colour >= colours) {
          throw damagedPng(`a pixel has colour ${colour} of a palette of ${colours}`);
        }
        for (let c = 0; c < 3; c++) target[at + c] = palette[3 * colour + c]!;
        if (channels === 4) target[at + 3] = transparency[colour] ?? 255;
      }
    },
  };
}

/** Grey or RGB of any depth, with an alpha channel or one transparent colour. */
function samplesReader({ header: { depth, samples }, transparency }: PngChunks): RowReader {
  const colours = samples < 3 ? 1 : 3;
  const hasAlpha = samples > colours;
  // Other bits than those of a sample must not count; PNG specification (third edition), 11.3.1.1.
  const key = new Uint16Array(colours).map((_, c) =>
    ((transparency[2 * c]! << 8) | transparency[2 * c + 1]!) & (2 ** depth - 1)
  );
  const hasKey = !hasAlpha && transparency.byteLength >= 2 * colours;
  const channels = hasAlpha || hasKey ? 4 : colours;
  const scale = depth === 16 ? 1 / 257 : 255 / (2 ** depth - 1);
  return {
    channels,
    read(raw, start, pixels, target, at, step) {
      for (let x = 0; x < pixels; x++, at += step) {
        let isKey = hasKey;
        for (let c = 0; c < Math.min(3, channels); c++) {
          const colour = Math.min(c, colours - 1);
          const value = sampleAt(raw, start, x * samples + colour, depth);
          isKey &&= value === key[colour];
          target[at + c] = Math.round(value * scale);
        }
        if (hasAlpha) target[at + 3] = Math.round(sampleAt(raw, start, x * samples + colours, depth) * scale);
        else if (hasKey) target[at + 3] = isKey ? 0 : 255;
      }
    },
  };
}

/** The sample as it is stored: 0 to 2^depth - 1. */
function sampleAt(raw: Uint8Array, start: number, index: number, depth: number): number {
  if (depth === 8) return raw[start + index]!;
  if (depth === 16) return (raw[start + 2 * index]! << 8) | raw[start + 2 * index + 1]!;
  const bit = index * depth;
  return (raw[start + (bit >> 3)]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}
