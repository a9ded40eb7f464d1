import { Buffer } from "node:buffer";
import { confidence as asPercent, plural } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { checkAnswers, predictions, softmaxRows } from "./metrics.ts";
import type { Mistake, ReportEvaluation } from "./report_content.ts";

/**
 * Picks the wrong answers with the highest confidence.
 *
 * @param evaluation What the model answered.
 * @param encode Gives the image at an index of the data set as PNG; asked only for what is picked.
 * @param most How many are wanted.
 * @returns At most `most`, the most confident first; among equals the one with the lower index.
 * @throws {ModelError} `invalid`: answers that do not fit together; whatever `encode` throws.
 */
export function pickMistakes(
  { logits, labels, classes, temperature }: ReportEvaluation,
  encode: (index: number) => Uint8Array,
  most = 24,
): Mistake[] {
  checkAnswers({ logits, labels }, classes.length);
  const shares = softmaxRows(logits, classes.length, temperature);
  const predicted = predictions(logits, classes.length);
  const confidence = (index: number) => shares[index * classes.length + predicted[index]!]!;
  const wrong = Array.from(labels.keys()).filter((index) => predicted[index] !== labels[index]);
  return wrong.sort((a, b) => confidence(b) - confidence(a) || a - b).slice(0, most).map((index) => ({
    png: encode(index),
    label: classes[labels[index]!]!,
    predicted: classes[predicted[index]!]!,
    confidence: confidence(index),
    index,
  }));
}

/**
 * Shows wrong answers as pictures.
 *
 * @param mistakes The most confident first.
 * @returns A section, or nothing if there are none.
 */
export function mistakesSection(mistakes: readonly Mistake[] = []): Markup | undefined {
  if (mistakes.length === 0) return undefined;
  const [first, last] = [mistakes[0]!, mistakes.at(-1)!];
  return markup`<section id="mistakes"><h2>Most confident mistakes</h2>
<p>${plural(mistakes.length, "wrong answer")} that the model was surest of, with ${
    asPercent(first.confidence)
  } down to ${
    asPercent(last.confidence)
  }. Look whether you would know better: what nobody can tell, or what is labelled wrongly, no training will mend.</p>
<ul class="mistakes">${mistakes.map(tile)}</ul>
</section>`;
}

function tile({ png, label, predicted, confidence, index }: Mistake): Markup {
  const data = Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString("base64");
  return markup`<li><figure><img alt="${`Image ${index}: ${label}, taken for ${predicted}`}" src="data:image/png;base64,${data}" /><figcaption><span>is <b>${label}</b></span><span class="taken">taken for <b>${predicted}</b></span><span class="quiet">${
    asPercent(confidence)
  } · image ${String(index)}</span></figcaption></figure></li>\n`;
}
