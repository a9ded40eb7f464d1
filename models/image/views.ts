/** How an image is varied before the network sees it. */
export interface View {
  /** Whether left and right are exchanged. @default {false} */
  readonly mirrored?: boolean;
  /**
   * How far the image is moved to the right and down, in pixels, less than its width and height; its outermost
   * pixels are repeated. @default {[0, 0]}
   */
  readonly shift?: readonly [right: number, down: number];
}

/** The images of a model, and how it sees them. */
export interface Viewed {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
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
  { width, height, channels }: Viewed,
  { mirrored = false, shift: [right, down] = [0, 0] }: View,
  target: Float32Array,
): void {
  const within = (at: number, extent: number) => Math.max(0, Math.min(extent - 1, at));
  const columns = Array.from(
    { length: width },
    (_, x) => within((mirrored ? width - 1 - x : x) - right, width),
  );
  const size = width * height * channels;
  let out = 0;
  for (let image = 0; image < images.length; image += size) {
    for (let y = 0; y < height; y++) {
      const row = image + within(y - down, height) * width * channels;
      for (const column of columns) {
        for (let c = 0; c < channels; c++) target[out++] = images[row + column * channels + c]!;
      }
    }
  }
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
