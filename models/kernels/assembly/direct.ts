/**
 * Convolution as a matrix product without copying the windows: in an image with channels last, one row of a window is one
 * run of adjacent numbers. A dense layer is the same with one pixel per window.
 */
import { columnsByColumns, rowsByPanel } from "./tile";

/**
 * Convolves one padded image, stride 1.
 *
 * @param image height × width × channels, including the zeros around it.
 * @param panels The kernel from `toPanels`: side × side × channels rows of `filters` columns.
 * @param out rows × columns × filters.
 * @param width Of the padded image.
 */
export function convolve(
  image: usize, panels: usize, out: usize, width: usize, channels: usize, side: usize,
  rows: usize, columns: usize, filters: usize,
): void {
  const pixel = channels << 2, row = width * pixel, run = side * pixel;
  const outPixel = filters << 2, rowEnd = row - columns * pixel;
  for (let filter: usize = 0; filter < filters; filter += 8) {
    const panel = panels + filter * side * side * pixel;
    let x: usize = 0, p = image, o = out + (filter << 2);
    for (let left = <isize>(rows * columns); left > 0; left -= 6) {
      // The last tile may have fewer pixels: then its last pixel is computed more than once.
      const p0 = p, o0 = o;
      if (left > 1) { p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; } }
      const p1 = p, o1 = o;
      if (left > 2) { p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; } }
      const p2 = p, o2 = o;
      if (left > 3) { p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; } }
      const p3 = p, o3 = o;
      if (left > 4) { p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; } }
      const p4 = p, o4 = o;
      if (left > 5) { p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; } }
      rowsByPanel(p0, p1, p2, p3, p4, p, panel, side, run, row, o0, o1, o2, o3, o4, o);
      p += pixel; o += outPixel; if (++x == columns) { x = 0; p += rowEnd; }
    }
  }
}

/** Rows of an image that are processed together, so that they stay in the first-level cache. */
const BLOCK: usize = 4;

/**
 * Adds the gradient with respect to the kernel of one image.
 *
 * @param image As for `convolve`.
 * @param dy rows × columns × filters.
 * @param sums side × depth × filters, where depth is side × channels rounded up to a multiple of 6.
 */
export function addKernelGradient(
  image: usize, dy: usize, sums: usize, width: usize, channels: usize, side: usize,
  rows: usize, columns: usize, filters: usize,
): void {
  const pixel = channels << 2, row = width * pixel, outPixel = filters << 2;
  const tiles = (side * channels + 5) / 6;
  for (let y: usize = 0; y < rows; y += BLOCK) {
    const block = min(BLOCK, rows - y);
    for (let filter: usize = 0; filter < filters; filter += 8) {
      const from = dy + (y * columns * filters + filter << 2);
      for (let tap: usize = 0; tap < side; tap++) {
        for (let tile: usize = 0; tile < tiles; tile++) {
          const sum = sums + ((tap * tiles + tile) * 6 * filters + filter << 2);
          const a = image + (y + tap) * row + tile * 24;
          columnsByColumns(a, from, block, columns, pixel, outPixel, row - columns * pixel, sum, outPixel);
        }
      }
    }
  }
}
