import type { Pixels } from "../../models/image/format.ts";
import { coloured } from "./terminal.ts";

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

function halfBlock(pixels: Pixels, x: number, y: number): string {
  const upper = rgb(pixels, x, y).join(";");
  const lower = rgb(pixels, x, y + 1).join(";");
  return `\x1b[38;2;${upper};48;2;${lower}m▀`;
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
