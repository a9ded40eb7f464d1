/** For each element of the target, the elements of the source it is made of. */
export interface Taps {
  /** The first element of the source. */
  readonly starts: Int32Array;
  /** The weights from there on; those of one target add up to 1. */
  readonly weights: readonly Float64Array[];
}

/**
 * Works out how one dimension is resized: by the mean over the covered area when shrinking, linearly between the centres
 * of the two nearest elements when growing.
 *
 * @param from Elements of the source, at least 1.
 * @param to Elements of the target, at least 1.
 * @returns The taps of each target element.
 */
export function axisTaps(from: number, to: number): Taps {
  const ratio = from / to;
  const starts = new Int32Array(to);
  const weights: Float64Array[] = [];
  for (let i = 0; i < to; i++) {
    const [start, taps] = ratio > 1 ? area(i, ratio, from) : linear(i, ratio, from);
    starts[i] = start;
    weights.push(taps);
  }
  return { starts, weights };
}

function area(i: number, ratio: number, from: number): [start: number, taps: Float64Array] {
  const left = i * ratio;
  const right = Math.min(from, left + ratio);
  const start = Math.floor(left);
  const end = Math.min(from, Math.ceil(right));
  const taps = Float64Array.from({ length: end - start }, (_, k) => {
    return (Math.min(right, start + k + 1) - Math.max(left, start + k)) / (right - left);
  });
  return [start, taps];
}

function linear(i: number, ratio: number, from: number): [start: number, taps: Float64Array] {
  const centre = Math.min(from - 1, Math.max(0, (i + 0.5) * ratio - 0.5));
  const start = Math.floor(centre);
  const share = centre - start;
  return [start, share === 0 ? Float64Array.of(1) : Float64Array.of(1 - share, share)];
}
