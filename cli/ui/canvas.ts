import type { Pixels } from "../../models/image/format.ts";
import { drawText, GLYPH } from "./font.ts";

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Characters are drawn at twice the size of the font. */
const SCALE = 2;

/** From one character to the next, and from line to line, in pixels. */
export const TEXT = { advance: SCALE * GLYPH.advance, line: SCALE * GLYPH.height + 6 } as const;

/** An image to draw on. Coordinates are pixels from the left upper corner; what lies outside is cut off. */
export class Canvas {
  readonly #pixels: Pixels & { readonly channels: 3 };

  /**
   * @param width In pixels.
   * @param height In pixels.
   * @param ground Its colour.
   */
  constructor(width: number, height: number, ground: Colour) {
    this.#pixels = { width, height, channels: 3, data: new Uint8Array(3 * width * height) };
    this.fill(0, 0, width, height, ground);
  }

  /** What was drawn. */
  get pixels(): Pixels {
    return this.#pixels;
  }

  fill(left: number, top: number, width: number, height: number, colour: Colour): void {
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) this.#dot(x, y, colour);
    }
  }

  /**
   * @param image Grey or RGB.
   * @param scale Each of its pixels becomes a square of this side.
   */
  paint(image: Pixels, left: number, top: number, scale = 1): void {
    const { width, height, channels, data } = image;
    const colours = channels === 1 ? [0, 0, 0] : [0, 1, 2];
    for (let i = 0; i < width * height; i++) {
      const colour = colours.map((c) => data[i * channels + c]!) as unknown as Colour;
      this.fill(left + (i % width) * scale, top + Math.floor(i / width) * scale, scale, scale, colour);
    }
  }

  text(text: string, left: number, top: number, colour: Colour): void {
    drawText(text, (x, y) => this.fill(left + SCALE * x, top + SCALE * y, SCALE, SCALE, colour));
  }

  #dot(x: number, y: number, [red, green, blue]: Colour): void {
    const { width, height, data } = this.#pixels;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    data.set([red, green, blue], 3 * (y * width + x));
  }
}
