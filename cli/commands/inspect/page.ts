import { encodePng } from "../../../models/image/encode_png.ts";
import type { Score } from "../../../models/logits.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { confidence as asPercent } from "../../../training/report/format.ts";
import { Markup, markup } from "../../../training/report/markup.ts";
import { STYLE } from "../../../training/report/style.ts";
import { factsOf } from "./facts.ts";
import { type Inspection, type Stage, TOP, type Way } from "./inspection.ts";

/** Beside the style of reports. */
const OWN_STYLE = `
.steps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); gap: 1.25rem; margin-top: 1.25rem; }
.steps img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: var(--sunken); border: 1px solid var(--rule); border-radius: .4rem; }
.steps .smooth { image-rendering: auto; }
.steps figcaption { margin-top: .4rem; }
.steps b { display: block; color: var(--ink); }
.steps { margin-bottom: 1.25rem; }
.classes { margin: 0; }
.classes div { display: flex; flex-wrap: wrap; justify-content: space-between; margin-bottom: .9rem; }
.classes .best { font-size: 1.3rem; font-weight: 600; }
.classes dd { margin: 0; }
.classes .share { width: 100%; }
.refused { color: var(--c2); font-weight: 600; }
`;

/**
 * Writes inspections as a page: one file without scripts and external resources.
 *
 * @param inspections Of any number of images.
 * @param model That classified them.
 * @returns A complete HTML document, which is also well-formed XML.
 */
export function writePage(inspections: readonly Inspection[], model: Manifest): string {
  return markup`${new Markup("<!DOCTYPE html>")}
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<title>What ${model.name} sees</title>
<style>${new Markup(STYLE + OWN_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>What ${model.name} sees</h1>
<p class="lead">${model.description}</p>
</header>
${inspections.map((inspection) => section(inspection, model))}
</main>
</body>
</html>
`.text;
}

function section(inspection: Inspection, model: Manifest): Markup {
  const { file, way, outcome } = inspection;
  const facts = factsOf(inspection, model).filter(([name]) => name !== "refused");
  return markup`<section><h2>${file}</h2>
${outcome.ok ? undefined : markup`<p class="refused">${outcome.code}: ${outcome.message}</p>\n`}
${way && figures(way, outcome)}
<dl class="facts">${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
</section>
`;
}

function figures({ stages }: Way, outcome: Inspection["outcome"]): Markup {
  return markup`<div class="steps">
${stages.map(figure)}
${outcome.ok ? classes(outcome.top.slice(0, TOP), outcome.unknown === true) : undefined}
</div>`;
}

function figure({ name, width, height, picture }: Stage): Markup {
  const data = encodePng(picture).toBase64();
  const isLarge = Math.max(width, height) > 128;
  return markup`<figure><img${
    isLarge ? new Markup(' class="smooth"') : undefined
  } alt="${name}" src="data:image/png;base64,${data}" /><figcaption><b>${name}</b> ${`${width} × ${height}`}</figcaption></figure>
`;
}

function classes(top: readonly Score[], isUnknown: boolean): Markup {
  return markup`<dl class="classes">${
    isUnknown ? markup`<div><dt class="best">unknown</dt><dd></dd></div>\n` : undefined
  }${
    top.map(({ label, confidence }, i) =>
      markup`<div><dt${i === 0 && !isUnknown ? new Markup(' class="best"') : undefined}>${label}</dt><dd>${
        asPercent(confidence)
      }</dd><dd class="share" style="--share:${(100 * confidence).toFixed(1)}%"></dd></div>\n`
    )
  }</dl>`;
}
