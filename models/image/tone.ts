import type { Pixels } from "./format.ts";

/** How bright an image is as a whole, and how much its parts differ in that. */
export interface Tone {
  /** Mean of the grey values, 0 black to 1 white; transparent parts are black. */
  readonly brightness: number;
  /** Standard deviation of the grey values, 0 to 0.5. */
  readonly contrast: number;
}

/** Rows and columns at most. */
const MAX_GRID = 32;
/** Samples per cell of the grid, in each direction: of a photograph this reads a few thousand pixels, not millions. */
const MAX_SAMPLES = 4;

/**
 * Measures the tone of an image at the size of a model, so that a photograph and the same one reduced have nearly the
 * same.
 *
 * @param pixels Any decoded image.
 * @param size Of the model, in pixels; more than 32 count as 32.
 *
 * @example
 * ```ts
 * import { toneOf } from "./tone.ts";
 * const data = Uint8Array.of(0, 255);
 * const { brightness, contrast } = toneOf({ width: 2, height: 1, channels: 1, data }, { width: 2, height: 1 });
 * console.log(brightness, contrast); // 0.5 0.5
 * ```
 */
export function toneOf(pixels: Pixels, size: { readonly width: number; readonly height: number }): Tone {
  const columns = cellsOf(pixels.width, size.width);
  const rows = cellsOf(pixels.height, size.height);
  const isEachPixel = pixels.channels === 1 && rows.count * columns.count === pixels.data.length;
  return toneOfGreys(isEachPixel ? pixels.data : greysOf(pixels, rows, columns));
}

function toneOfGreys(greys: ArrayLike<number>): Tone {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < greys.length; i++) {
    sum += greys[i]!;
    squares += greys[i]! ** 2;
  }
  const mean = sum / greys.length;
  const deviation = Math.sqrt(Math.max(0, squares / greys.length - mean * mean));
  return { brightness: mean / 255, contrast: deviation / 255 };
}

/** The cells along one side. */
interface Cells {
  readonly count: number;
  /** Number of pixels that are read of each. */
  readonly samples: number;
  /** These pixels, cell by cell. */
  readonly positions: Int32Array;
}

function cellsOf(side: number, cells: number): Cells {
  const count = Math.min(cells, MAX_GRID);
  const samples = Math.min(Math.ceil(side / count), MAX_SAMPLES);
  const positions = new Int32Array(count * samples);
  for (let i = 0; i < positions.length; i++) positions[i] = (i + 0.5) * side / positions.length;
  return { count, samples, positions };
}

function greysOf({ width, channels, data }: Pixels, rows: Cells, columns: Cells): Float64Array {
  const greys = new Float64Array(rows.count * columns.count);
  for (const [i, y] of rows.positions.entries()) {
    const row = Math.floor(i / rows.samples) * columns.count;
    for (const [j, x] of columns.positions.entries()) {
      const pixel = y * width + x;
      const grey = channels === 1 ? data[pixel]! : lumaAt(data, pixel * channels, channels);
      greys[row + Math.floor(j / columns.samples)]! += grey / (rows.samples * columns.samples);
    }
  }
  return greys;
}

/** Luma of ITU-R BT.601. */
function lumaAt(data: Uint8Array, at: number, channels: 3 | 4): number {
  const grey = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  return channels === 4 ? grey * data[at + 3]! / 255 : grey;
}
