/** How an image is varied before the network sees it. */
export interface View {
  /** Whether left and right are exchanged. @default {false} */
  readonly mirrored?: boolean;
  /** How far the image is then moved to the right and down, in pixels, less than its width and height. @default {[0, 0]} */
  readonly shift?: readonly [right: number, down: number];
  /** What is moved in at the edge: black, or the image mirrored at its outermost pixels. @default {"black"} */
  readonly edge?: Edge;
}

/** What surrounds an image that is moved. */
export type Edge = "black" | "reflect";

/** The images of a model, and how it sees them. */
export interface Viewed {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** @default the image as it is */
  readonly views?: readonly View[];
}

/** Maximum number of views of a model. */
export const MAX_VIEWS = 16;

/** Number of images that the network sees for each image. */
export function viewCount({ views }: Viewed): number {
  return views?.length ?? 1;
}

/**
 * Shows images in all views of a model.
 *
 * @param images Any number of images in the form of the model.
 * @param spec The form.
 * @returns All images in the first view, then all in the second, and so on; without views the images.
 */
export function showViews(images: Float32Array, spec: Viewed): Float32Array {
  if (spec.views === undefined) return images;
  const shown = new Float32Array(images.length * spec.views.length);
  sourcesOfViews(spec).forEach((sources, i) =>
    show(images, spec, sources, shown.subarray(i * images.length))
  );
  return shown;
}

function show(
  images: Float32Array,
  { channels, mean, std }: Viewed,
  sources: Int32Array,
  target: Float32Array,
): void {
  const black = mean.map((value, c) => -value / std[c]!);
  let out = 0;
  for (let image = 0; image < images.length; image += sources.length * channels) {
    for (let i = 0; i < sources.length; i++) {
      const at = image + sources[i]! * channels;
      for (let c = 0; c < channels; c++) target[out++] = sources[i]! < 0 ? black[c]! : images[at + c]!;
    }
  }
}

const known = new WeakMap<Viewed, readonly Int32Array[]>();

function sourcesOfViews(spec: Viewed): readonly Int32Array[] {
  const sources = known.get(spec) ?? spec.views!.map((view) => sourcesOf(spec, view));
  known.set(spec, sources);
  return sources;
}

/** For each pixel of a view the pixel of the image that it shows; -1 for black. */
function sourcesOf(
  { width, height }: Viewed,
  { mirrored = false, shift: [right, down] = [0, 0], edge = "black" }: View,
): Int32Array {
  const columns = Array.from(
    { length: width },
    (_, x) => sourceOf(mirrored ? width - 1 - x + right : x - right, width, edge),
  );
  return Int32Array.from({ length: height * width }, (_, i) => {
    const row = sourceOf(Math.floor(i / width) - down, height, edge);
    const column = columns[i % width]!;
    return row < 0 || column < 0 ? -1 : row * width + column;
  });
}

/**
 * The row or column that is seen at a place inside or outside of an image.
 *
 * @param at Its place, from -`extent` + 1 to 2 × `extent` - 2.
 * @param extent Number of rows or columns.
 * @param edge What surrounds the image.
 * @returns From 0 to `extent` - 1; -1 for black.
 */
export function sourceOf(at: number, extent: number, edge: Edge): number {
  if (at >= 0 && at < extent) return at;
  if (edge === "black") return -1;
  return at < 0 ? -at : 2 * (extent - 1) - at;
}

/**
 * Averages the outputs of a network over the views.
 *
 * @param outputs Of the images of {@linkcode showViews}, in their order.
 * @param spec The form of the model.
 * @returns One row per image; without views the outputs.
 */
export function averageViews(outputs: Float32Array, { views }: Viewed): Float32Array {
  if (views === undefined) return outputs;
  const averages = new Float32Array(outputs.length / views.length);
  outputs.forEach((output, i) => averages[i % averages.length]! += output / views.length);
  return averages;
}
