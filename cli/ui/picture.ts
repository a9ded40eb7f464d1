import { toCanonical } from "../../models/image/canonical.ts";
import type { Pixels } from "../../models/image/format.ts";
import { coloured, width } from "./terminal.ts";

const SHADES = " .:-=+*#%@";

/**
 * Draws an image with characters: in colour two pixels per character, an upper and a lower half; else shades of grey.
 *
 * @param pixels The image: at most as wide as the terminal, 1 (grey), 3 (RGB) or 4 (RGBA) channels.
 * @returns Lines, half as many as the image has rows.
 */
export function drawPicture(pixels: Pixels): string[] {
  const cell = coloured ? halfBlock : shade;
  return Array.from({ length: Math.ceil(pixels.height / 2) }, (_, row) => {
    const cells = Array.from({ length: pixels.width }, (_, x) => cell(pixels, x, 2 * row));
    return cells.join("") + (coloured ? "\x1b[0m" : "");
  });
}

/**
 * Puts blocks of lines beside each other.
 *
 * @param blocks Lines, which may be coloured; the shorter blocks end in blank lines.
 * @param columns Width of a block.
 * @param gap Columns between two.
 */
export function beside(
  blocks: readonly (readonly string[])[],
  columns: number,
  gap: number,
): string[] {
  const height = Math.max(...blocks.map((block) => block.length));
  const pad = (cell: string) => cell + " ".repeat(Math.max(0, columns + gap - width(cell)));
  return Array.from({ length: height }, (_, y) => {
    const cells = blocks.map((block) => block[y] ?? "");
    return [...cells.slice(0, -1).map(pad), cells.at(-1)].join("");
  });
}

function halfBlock(pixels: Pixels, x: number, y: number): string {
  const upper = rgb(pixels, x, y).join(";");
  // Below the last row is the background of the terminal.
  const lower = y + 1 < pixels.height ? `48;2;${rgb(pixels, x, y + 1).join(";")}` : "49";
  return `\x1b[38;2;${upper};${lower}m▀`;
}

function shade(pixels: Pixels, x: number, y: number): string {
  const [upper, lower] = [y, y + 1].map((row) => luma(rgb(pixels, x, row))) as [number, number];
  return SHADES[Math.min(SHADES.length - 1, Math.floor((upper + lower) / 512 * SHADES.length))]!;
}

function rgb({ data, width, height, channels }: Pixels, x: number, y: number): [number, number, number] {
  if (y >= height) return [0, 0, 0];
  const at = (y * width + x) * channels;
  const red = data[at] ?? 0;
  return channels === 1 ? [red, red, red] : [red, data[at + 1] ?? 0, data[at + 2] ?? 0];
}

/** ITU-R BT.601. */
function luma([red, green, blue]: [number, number, number]): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** Transparent pixels show squares of two greys, so many along the longer side. */
const [SQUARES, LIGHT, DARK] = [16, 204, 153] as const;

/**
 * Reduces an image until it fits, by the mean over areas; a smaller one stays as it is. Transparency is replaced by squares.
 *
 * @param pixels Any image.
 * @param width In pixels, at least 1.
 * @param height In pixels, at least 1.
 * @returns Grey or RGB, in the proportions of the image, but never without pixels.
 */
export function fitPicture(pixels: Pixels, width: number, height: number): Pixels {
  const scale = Math.min(1, width / pixels.width, height / pixels.height);
  const [columns, rows] = [pixels.width, pixels.height].map((side) => Math.max(1, Math.round(side * scale)));
  const opaque = pixels.channels === 4 ? onSquares(pixels) : pixels;
  const channels = opaque.channels === 1 ? 1 : 3;
  const values = new Float32Array(columns! * rows! * channels);
  const [mean, std] = [new Array(channels).fill(0), new Array(channels).fill(1 / 255)];
  toCanonical(opaque, { width: columns!, height: rows!, channels, mean, std }, values);
  return { width: columns!, height: rows!, channels, data: Uint8Array.from(values, Math.round) };
}

function onSquares({ width, height, data }: Pixels): Pixels {
  const side = Math.max(width, height) / SQUARES;
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const ground = (Math.floor(x / side) + Math.floor(y / side)) % 2 === 0 ? LIGHT : DARK;
    const opacity = data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(ground + opacity * (data[4 * i + c]! - ground));
  }
  return { width, height, channels: 3, data: rgb };
}
