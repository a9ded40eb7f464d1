/** Copies numbers into the order in which the inner loops read them. */

/**
 * Copies an image into a larger one, with zeros around it.
 *
 * @param from height × width × channels.
 * @param to paddedHeight × paddedWidth × channels.
 * @param top Rows of zeros above; as many columns of zeros on the left.
 */
export function pad(
  from: usize, to: usize, height: usize, width: usize, channels: usize,
  paddedHeight: usize, paddedWidth: usize, top: usize,
): void {
  const pixel = channels << 2, row = width * pixel, paddedRow = paddedWidth * pixel;
  memory.fill(to, 0, paddedHeight * paddedRow);
  to += top * paddedRow + top * pixel;
  for (let y: usize = 0; y < height; y++) {
    memory.copy(to, from, row);
    from += row; to += paddedRow;
  }
}

/**
 * Cuts a matrix into panels of eight columns, each of which is read sequentially.
 *
 * @param from depth × columns; columns is a multiple of 8.
 * @param to columns/8 × depth × 8.
 */
export function toPanels(from: usize, to: usize, depth: usize, columns: usize): void {
  for (let column: usize = 0; column < columns; column += 8) {
    for (let k: usize = 0; k < depth; k++) {
      const source = from + ((k * columns + column) << 2);
      v128.store(to, v128.load(source));
      v128.store(to, v128.load(source, 16), 16);
      to += 32;
    }
  }
}

/**
 * Rotates a convolution kernel by 180° and exchanges inputs and outputs, for the gradient with respect to the input.
 *
 * @param from side × side × inputs × outputs.
 * @param to side × side × outputs × inputs.
 */
export function turn(from: usize, to: usize, side: usize, inputs: usize, outputs: usize): void {
  const taps = side * side;
  for (let tap: usize = 0; tap < taps; tap++) {
    const target = to + (((taps - 1 - tap) * inputs * outputs) << 2);
    for (let input: usize = 0; input < inputs; input++) {
      for (let output: usize = 0; output < outputs; output++) {
        f32.store(target + ((output * inputs + input) << 2), f32.load(from));
        from += 4;
      }
    }
  }
}
