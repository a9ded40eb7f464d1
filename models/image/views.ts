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
  spec.views.forEach((view, i) => show(images, spec, view, shown.subarray(i * images.length)));
  return shown;
}

function show(
  images: Float32Array,
  { width, height, channels, mean, std }: Viewed,
  { mirrored = false, shift: [right, down] = [0, 0], edge = "black" }: View,
  target: Float32Array,
): void {
  const black = mean.map((value, c) => -value / std[c]!);
  const columns = Array.from(
    { length: width },
    (_, x) => sourceOf(mirrored ? width - 1 - x + right : x - right, width, edge),
  );
  const rows = Array.from({ length: height }, (_, y) => sourceOf(y - down, height, edge));
  const size = width * height * channels;
  let out = 0;
  for (let image = 0; image < images.length; image += size) {
    for (const row of rows) {
      for (const column of columns) {
        const at = row < 0 || column < 0 ? -1 : image + (row * width + column) * channels;
        for (let c = 0; c < channels; c++) target[out++] = at < 0 ? black[c]! : images[at + c]!;
      }
    }
  }
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
