import { Buffer } from "node:buffer";
import { argmax } from "../../models/logits.ts";
import { confidence as asPercent, plural } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { probabilitiesOf } from "./metrics.ts";
import type { Mistake, ReportEvaluation } from "./report_content.ts";

/**
 * Picks the mistakes with the highest confidence.
 *
 * @param evaluation Of the model.
 * @param encode Encodes the image at an index of the data set as PNG; called only for picked images.
 * @param max Maximum length of the list.
 * @returns The most confident first; among equals the one with the lower index.
 * @throws {ModelError} `invalid`: logits and labels that do not fit together; whatever `encode` throws.
 */
export function pickMistakes(
  evaluation: ReportEvaluation,
  encode: (index: number) => Uint8Array,
  max = 24,
): Mistake[] {
  const { classes, labels, temperature } = evaluation;
  const mistakes = probabilitiesOf(evaluation, classes.length, temperature).map((row, index) => {
    const predicted = argmax(row);
    return { index, predicted, confidence: row[predicted]! };
  }).filter(({ index, predicted }) => predicted !== labels[index]);
  return mistakes.sort((a, b) => b.confidence - a.confidence || a.index - b.index).slice(0, max).map((
    { index, predicted, confidence },
  ) => ({
    png: encode(index),
    label: classes[labels[index]!]!,
    predicted: classes[predicted]!,
    confidence,
    index,
  }));
}

/**
 * Shows the images of mistakes.
 *
 * @param mistakes The most confident first.
 * @returns A section; undefined if there are none.
 */
export function mistakesSection(mistakes: readonly Mistake[] = []): Markup | undefined {
  if (mistakes.length === 0) return undefined;
  const [first, last] = [mistakes[0]!, mistakes.at(-1)!];
  return markup`<section id="mistakes"><h2>Most confident mistakes</h2>
<p>The ${plural(mistakes.length, "wrong prediction")} with the highest confidence, from ${
    asPercent(first.confidence)
  } down to ${
    asPercent(last.confidence)
  }. Images that are ambiguous or labelled wrongly cannot be improved by training.</p>
<ul class="mistakes">${mistakes.map(tile)}</ul>
</section>`;
}

function tile({ png, label, predicted, confidence, index }: Mistake): Markup {
  const data = Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString("base64");
  return markup`<li><figure><img alt="${`Image ${index}: ${label}, classified as ${predicted}`}" src="data:image/png;base64,${data}" /><figcaption><span>true <b>${label}</b></span><span class="predicted">predicted <b>${predicted}</b></span><span class="quiet">${
    asPercent(confidence)
  } · image ${String(index)}</span></figcaption></figure></li>\n`;
}
