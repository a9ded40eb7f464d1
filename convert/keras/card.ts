import { describeLayer } from "../../models/layers/describe_layer.ts";
import { parameterCount, type ShapedLayer } from "../../models/layers/layers.ts";
import type { Manifest } from "../../models/manifest.ts";

/** What is known of a model that was imported. */
export interface ImportCardContent {
  /** What its manifest says. */
  readonly manifest: Manifest;
  /** The layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** What it came from: `HDF5 file of Keras 2.15.0`. */
  readonly format: string;
  /** Name of the file. */
  readonly file: string;
  /** Nobody said how pixels are brought into form. */
  readonly guessedForm: boolean;
}

/**
 * Writes the card of an imported model: what the file says, and what whoever knows the model has to add.
 *
 * @param content What is known.
 * @returns Markdown.
 */
export function writeImportCard({ manifest, layers, format, file, guessedForm }: ImportCardContent): string {
  const { input, labels } = manifest;
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return `# ${manifest.name} ${manifest.version}

${manifest.description}.

## Origin

Imported from \`${file}\`, ${
    article(format)
  }. Training data, recipe, accuracy and limits are not in that file: write
here what you know of them. Nothing was measured.

## Use

Takes pictures of ${input.width}×${input.height} pixels, ${
    input.channels === 1 ? "grey" : "RGB"
  }; others are brought to this size. A pixel p of 0 (black) to
1 (white) becomes (p − mean) / std:

| channel | mean | std |
|---|---|---|
${input.mean.map((mean, i) => `| ${channelName(input.channels, i)} | ${mean} | ${input.std[i]} |`).join("\n")}
${guessedForm ? GUESS : ""}
Tells ${labels.length} classes apart: ${labels.slice(0, LABELS_SHOWN).join(", ")}${
    labels.length > LABELS_SHOWN ? `, and ${labels.length - LABELS_SHOWN} more` : ""
  }.

## Network

${layers.map(({ layer, output }, i) => `${i}. ${describeLayer(layer)} → ${output.join("×")}`).join("\n")}

${count(parameterCount(layers))} parameters stored as ${manifest.weights.dtype}, ${
    count(multiplyAdds)
  } multiplications an image. Batch normalisation is folded into the
layers before it, and what is only for training is left out. Confidences are those of the original; they were not
calibrated.
`;
}

const LABELS_SHOWN = 100;

const GUESS = `
**This is a guess**: the file does not say what pixels the model was trained on, and the usual form is 0 to 1. Import it
again with the scale, mean and std of its training if it was another.
`;

function article(format: string): string {
  return /^[aeioh]/i.test(format) ? `an ${format}` : `a ${format}`;
}

function channelName(channels: number, index: number): string {
  return channels === 1 ? "grey" : ["red", "green", "blue"][index]!;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
