import type { Budget } from "../limits.ts";
import type { EntropyReader } from "./entropy.ts";
import { type HuffmanTable, standardTable } from "./huffman.ts";
import { transform8, TRANSFORMS } from "./idct.ts";
import { BLOCK, type Layout, type Plane } from "./planes.ts";
import { damagedJpeg } from "./errors.ts";
import type { JpegState, Scan } from "./segments.ts";

const COEFFICIENTS = BLOCK * BLOCK;

/** A plane while it is decoded. */
export interface OpenPlane extends Plane {
  readonly samples: Uint8ClampedArray<ArrayBuffer>;
  /** Samples from row to row. */
  readonly stride: number;
  /** All blocks, if several scans go over them. */
  readonly coefficients: Int16Array | undefined;
  /** As it was when the first scan of the component began. */
  quantization: Uint16Array | undefined;
}

/**
 * Allocates a plane.
 *
 * @param plane Its layout.
 * @param keepsCoefficients Whether several scans go over it.
 */
export function openPlane(plane: Plane, keepsCoefficients: boolean): OpenPlane {
  const blocks = plane.paddedWide * plane.paddedHigh;
  return {
    ...plane,
    samples: new Uint8ClampedArray(blocks * plane.size * plane.size),
    stride: plane.paddedWide * plane.size,
    coefficients: keepsCoefficients ? new Int16Array(blocks * COEFFICIENTS) : undefined,
    quantization: undefined,
  };
}

/** Reads one block of a scan: the component's index in the scan, and the block's place in the plane. */
type ReadBlock = (index: number, plane: OpenPlane, block: number) => void;

/**
 * Reads one scan.
 *
 * @param scan Its header.
 * @param state Tables and restart interval.
 * @param reader Open at the first byte of the scan.
 * @param layout Of the frame.
 * @param all Planes of the frame.
 * @param budget For its time.
 * @throws {ImageError} `damaged` where a table is missing, or the file ends.
 */
export function readScanData(
  scan: Scan,
  state: JpegState,
  reader: EntropyReader,
  layout: Layout,
  all: readonly OpenPlane[],
  budget: Budget,
): void {
  const planes = scan.components.map((i) => all[i]!);
  for (const plane of planes) latchQuantization(plane, state);
  const read = blockReader(scan, state, reader);
  const [first] = planes as [OpenPlane];
  const single = planes.length === 1;
  if (!single && planes.reduce((sum, { component: { h, v } }) => sum + h * v, 0) > 10) {
    throw damagedJpeg("a unit of its scan has more than 10 blocks");
  }
  const columns = single ? first.blocksWide : layout.unitsWide;
  const rows = single ? first.blocksHigh : layout.unitsHigh;
  const { restartInterval } = state;
  let untilRestart = restartInterval;
  for (let row = 0; row < rows; row++) {
    budget.checkTime();
    for (let column = 0; column < columns; column++) {
      if (restartInterval > 0 && untilRestart-- === 0) {
        reader.restart();
        untilRestart = restartInterval - 1;
      }
      if (single) read(0, first, row * first.paddedWide + column);
      else readUnit(planes, row, column, read);
      reader.endUnit();
    }
    if (reader.cutOff) throw damagedJpeg("it ends in the middle of its pixels");
  }
}

function readUnit(planes: readonly OpenPlane[], row: number, column: number, read: ReadBlock): void {
  for (let i = 0; i < planes.length; i++) {
    const plane = planes[i]!;
    const { h, v } = plane.component;
    for (let y = 0; y < v; y++) {
      const start = (row * v + y) * plane.paddedWide + column * h;
      for (let x = 0; x < h; x++) read(i, plane, start + x);
    }
  }
}

function latchQuantization(plane: OpenPlane, state: JpegState): void {
  const { quantization } = plane.component;
  plane.quantization ??= state.quantization[quantization]?.slice();
  if (!plane.quantization) throw damagedJpeg(`the quantization table ${quantization} is missing`);
}

function blockReader(scan: Scan, state: JpegState, reader: EntropyReader): ReadBlock {
  const { first, last, high, low } = scan;
  const isProgressive = state.frame!.progressive;
  const usesDc = first === 0 && high === 0;
  const usesAc = last > 0;
  const dc = scan.dc.map((number) => usesDc ? tableOf(state, false, number) : undefined) as HuffmanTable[];
  const ac = scan.ac.map((number) => usesAc ? tableOf(state, true, number) : undefined) as HuffmanTable[];
  if (!isProgressive) return sequentialReader(reader, dc, ac);
  return (i, plane, block) => {
    if (reader.exhausted) return;
    const coefficients = plane.coefficients!;
    const to = block * COEFFICIENTS;
    if (usesDc) reader.firstDc(coefficients, to, i, dc[i]!, low);
    else if (first === 0) reader.refineDc(coefficients, to, low);
    else if (high === 0) reader.firstAc(coefficients, to, ac[i]!, first, last, low);
    else reader.refineAc(coefficients, to, ac[i]!, first, last, low);
  };
}

function sequentialReader(
  reader: EntropyReader,
  dc: readonly HuffmanTable[],
  ac: readonly HuffmanTable[],
): ReadBlock {
  const scratch = new Int16Array(COEFFICIENTS);
  return (i, plane, block) => {
    const { coefficients } = plane;
    if (coefficients) {
      if (!reader.exhausted) reader.block(coefficients, block * COEFFICIENTS, i, dc[i]!, ac[i]!);
      return;
    }
    const last = reader.exhausted ? 0 : reader.block(scratch, 0, i, dc[i]!, ac[i]!);
    transformBlock(plane, block, scratch, 0, last === 0);
    if (last === 0) scratch[0] = 0;
    else scratch.fill(0);
  };
}

function tableOf({ dc, ac }: JpegState, isAc: boolean, number: number): HuffmanTable {
  const table = (isAc ? ac : dc)[number]?.table ?? standardTable(isAc, number);
  if (!table) throw damagedJpeg(`the Huffman table ${number} is missing`);
  return table;
}

/**
 * Transforms the blocks that several scans have gone over.
 *
 * @param plane With all its coefficients.
 * @param budget For its time.
 */
export function transformPlane(plane: OpenPlane, budget: Budget): void {
  const { coefficients, blocksWide, blocksHigh, paddedWide } = plane;
  if (!plane.quantization) throw damagedJpeg("a component is in no scan");
  for (let row = 0; row < blocksHigh; row++) {
    budget.checkTime();
    for (let column = 0; column < blocksWide; column++) {
      const block = row * paddedWide + column;
      transformBlock(plane, block, coefficients!, block * COEFFICIENTS, false);
    }
  }
}

function transformBlock(
  plane: OpenPlane,
  block: number,
  from: Int16Array,
  at: number,
  isFlat: boolean,
): void {
  const { size, stride, samples, paddedWide } = plane;
  const row = Math.floor(block / paddedWide);
  const to = row * size * stride + (block - row * paddedWide) * size;
  const quantization = plane.quantization!;
  if (isFlat) {
    const value = ((from[at]! * quantization[0]! + 4) >> 3) + 128;
    const end = to + size * stride;
    for (let start = to; start < end; start += stride) samples.fill(value, start, start + size);
  } else if (size === BLOCK) transform8(from, at, quantization, samples, to, stride);
  else TRANSFORMS[size]!(from, at, quantization, samples, to, stride);
}
