/** Real images, bundled with the models: the first test image of each class. */

const MODELS = new URL("../models/", import.meta.url);

/** A bundled image. */
export interface TestImage {
  readonly model: string;
  /** Index of its class. */
  readonly index: number;
  readonly png: Uint8Array<ArrayBuffer>;
}

/**
 * The bundled images of a model, in the order of their classes.
 *
 * @param model A shipped model.
 */
export function imagesOf(model: string): TestImage[] {
  const folder = new URL(`${model}/samples/`, MODELS);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names
    .map((name) => ({ model, index: parseInt(name), png: Deno.readFileSync(new URL(name, folder)) }))
    .sort((a, b) => a.index - b.index);
}

/** An image of the digit seven, which the shipped mnist model classifies correctly. */
export const SEVEN: TestImage = imagesOf("mnist")[7]!;
