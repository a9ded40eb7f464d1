import { describeLayer } from "../../models/layers/describe_layer.ts";
import { parameterCount, type ShapedLayer } from "../../models/layers/layers.ts";
import type { Manifest } from "../../models/manifest.ts";

/** What the card of an imported model describes. */
export interface ImportCardContent {
  readonly manifest: Manifest;
  /** The layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Format of the imported file: `HDF5 file of Keras 2.15.0`. */
  readonly format: string;
  /** Name of the imported file. */
  readonly file: string;
  /** Whether the scale of the pixels is a guess. */
  readonly guessedForm: boolean;
}

/**
 * Writes the card of an imported model, with a request to add what the file does not contain.
 *
 * @param content What it describes.
 * @returns Markdown.
 */
export function writeImportCard({ manifest, layers, format, file, guessedForm }: ImportCardContent): string {
  const { input, labels } = manifest;
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return `# ${manifest.name} ${manifest.version}

${manifest.description}.

## Origin

Imported from \`${file}\`, ${article(format)}. That file does not contain training data, recipe, accuracy and
limits: describe them here. Nothing was measured.

## Use

The input is an image of ${input.width}×${input.height} pixels, ${
    input.channels === 1 ? "grey" : "RGB"
  }; other images are converted. A pixel p from 0 (black) to
1 (white) is standardised to (p − mean) / std:

| channel | mean | std |
|---|---|---|
${input.mean.map((mean, i) => `| ${channelName(input.channels, i)} | ${mean} | ${input.std[i]} |`).join("\n")}
${guessedForm ? GUESS : ""}
The ${labels.length} classes are ${labels.slice(0, LABELS_SHOWN).join(", ")}${
    labels.length > LABELS_SHOWN ? `, and ${labels.length - LABELS_SHOWN} more` : ""
  }.

## Network

${layers.map(({ layer, output }, i) => `${i}. ${describeLayer(layer)} → ${output.join("×")}`).join("\n")}

${count(parameterCount(layers))} parameters stored as ${manifest.weights.dtype}, ${
    count(multiplyAdds)
  } multiplications per image. Batch normalisation is folded into
the layers before it, and layers that are only used in training are removed. The confidences are those of the original
model; they were not calibrated.
`;
}

const LABELS_SHOWN = 100;

const GUESS = `
**This is a guess**: the file does not contain the scale of the pixels in training, and the usual range is 0 to 1. If it was
another one, import the model again with its scale, mean and std.
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
