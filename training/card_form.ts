import type { FormName } from "../models/image/canonical/forms.ts";
import type { InputSpec } from "../models/manifest.ts";

/** What each procedure does, for who reads the card of a model. */
const FORM_TEXTS: Readonly<Record<FormName, string>> = {
  digit:
    "Images that are not 28×28 grey and centred as MNIST's are first brought into its form (`digit`): a card" +
    " or sheet on which the digit lies is cut out; the ink is the difference from the ground around it, so" +
    " light, paper and colours do not matter; the heaviest strokes that do not touch the border are kept," +
    " with the parts near them; strokes thinner than 2.0 or thicker than 2.8 pixels of the result are brought" +
    " to that width; the digit is fitted into a box of 20×20 pixels, with its centre of mass in the middle.",
  garment:
    "Images that are not 28×28 grey on black are first brought into the form of Fashion-MNIST (`garment`): a" +
    " card or frame around the garment is cut out; the garment is what the alpha channel shows, what differs" +
    " from a plain ground, or else what differs in colour from a border of 2 %; its holes are filled and" +
    " specks dropped; the longer side of the rest becomes 28 pixels, by the mean over areas, sharpened a" +
    " little, grey and negated, on black. An image in two colours whose garment fills its square, as those of" +
    " Fashion-MNIST do when they are enlarged or negated, is reduced as a whole.",
  photo:
    "Larger images are first brought into the form of CIFAR-10 (`photo`): the whole photograph is squeezed to" +
    " 32×32 by the mean over areas, whatever its shape; what was enlarged before is sharpened a little.",
};

/**
 * Describes how images come into the form of the training data, for the card of a model.
 *
 * @param input What the model takes.
 * @returns Markdown of one paragraph.
 */
export function formText({ form, width, height }: InputSpec): string {
  if (form === undefined) return `Images are resized to ${width}×${height}; what is transparent is black.`;
  return `${FORM_TEXTS[form]} An image that is in the form already is taken as it is.`;
}
