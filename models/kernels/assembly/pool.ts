/** Maximum over adjacent windows, and its gradient. The number of channels is a multiple of 4. */

/**
 * @param x images × height × width × channels.
 * @param y images × height/side × width/side × channels, rounded down.
 */
export function maxPool(x: usize, y: usize, images: usize, height: usize, width: usize, channels: usize, side: usize): void {
  const pixel = channels << 2, row = width * pixel, rows = height / side, columns = width / side;
  for (let image: usize = 0; image < images; image++, x += height * row) {
    for (let r: usize = 0; r < rows; r++) {
      for (let column: usize = 0; column < columns; column++, y += pixel) {
        const corner = x + r * side * row + column * side * pixel;
        for (let c: usize = 0; c < pixel; c += 16) {
          let largest = v128.load(corner + c);
          for (let i: usize = 0; i < side; i++) {
            for (let j: usize = 0; j < side; j++) {
              largest = f32x4.max(largest, v128.load(corner + i * row + j * pixel + c));
            }
          }
          v128.store(y + c, largest);
        }
      }
    }
  }
}

/**
 * Passes the gradient of each window to the first of its largest numbers, and 0 to the others.
 *
 * @param dx As large as x; numbers outside of all windows get 0.
 */
export function maxPoolGradient(
  dy: usize, y: usize, x: usize, dx: usize, images: usize, height: usize, width: usize, channels: usize, side: usize,
): void {
  const pixel = channels << 2, row = width * pixel, rows = height / side, columns = width / side;
  const covered = rows * side == height && columns * side == width;
  if (!covered) memory.fill(dx, 0, images * height * row);
  for (let image: usize = 0; image < images; image++, x += height * row, dx += height * row) {
    for (let r: usize = 0; r < rows; r++) {
      for (let column: usize = 0; column < columns; column++, y += pixel, dy += pixel) {
        const corner = r * side * row + column * side * pixel;
        for (let c: usize = 0; c < pixel; c += 16) {
          const largest = v128.load(y + c), gradient = v128.load(dy + c);
          let free = i32x4.splat(-1);
          for (let i: usize = 0; i < side; i++) {
            for (let j: usize = 0; j < side; j++) {
              const at = corner + i * row + j * pixel + c;
              const here = v128.and(free, f32x4.eq(v128.load(x + at), largest));
              v128.store(dx + at, v128.and(gradient, here));
              free = v128.andnot(free, here);
            }
          }
        }
      }
    }
  }
}
