/**
 * The report of a model: a single HTML file without scripts and external resources.
 *
 * @module
 */
import { curvesSection } from "./curves_section.ts";
import { evaluationSection } from "./evaluation_section.ts";
import { factsSection } from "./facts_section.ts";
import { foldsSection } from "./folds_section.ts";
import { Markup, markup } from "./markup.ts";
import { mistakesSection } from "./mistakes_section.ts";
import type { ReportContent } from "./report_content.ts";
import { STYLE } from "./style.ts";

export { pickMistakes } from "./mistakes_section.ts";
export type {
  FoldAccuracies,
  Mistake,
  ReportContent,
  ReportEvaluation,
  ReportFacts,
  TrainingRun,
} from "./report_content.ts";

interface Chapter {
  readonly id: string;
  readonly title: string;
  readonly section: Markup | undefined;
}

/**
 * Writes a report. Every text in it is escaped; every image is embedded.
 *
 * @param content What to report; missing parts have no section.
 * @returns A complete HTML document, which is also well-formed XML.
 * @throws {ModelError} `invalid`: logits, labels or accuracies that do not fit together.
 *
 * @example
 * ```ts
 * import { writeReport } from "./report.ts";
 * const html = writeReport({
 *   title: "light: report of the training",
 *   model: { name: "light", version: "1.0.0" },
 *   description: "Distinguishes day and night",
 *   created: new Date("2026-01-31T12:00:00Z"),
 *   evaluations: [{
 *     data: "ten windows",
 *     classes: ["day", "night"],
 *     logits: Float32Array.of(2, 0, 0, 1),
 *     labels: Uint8Array.of(0, 1),
 *     temperature: 1,
 *   }],
 * });
 * console.log(html.length);
 * ```
 */
export function writeReport(content: ReportContent): string {
  const { title, model, description, created } = content;
  const all = chapters(content).filter(({ section }) => section !== undefined);
  const html = markup`${new Markup("<!DOCTYPE html>")}
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="lead">${description}</p>
<p class="quiet">${model.name}${
    model.version === undefined ? "" : ` ${model.version}`
  }, created <time datetime="${created.toISOString()}">${
    created.toISOString().slice(0, 16).replace("T", " ")
  } UTC</time></p>
${contents(all)}
</header>
${factsSection(content)}
${all.map(({ section }) => markup`${section}\n`)}
</main>
</body>
</html>
`;
  return withoutControls(html.text);
}

function chapters({ curves, evaluations = [], mistakes, folds }: ReportContent): Chapter[] {
  return [
    { id: "curves", title: "Learning curves", section: curvesSection(curves) },
    ...evaluations.map((evaluation, i) => {
      const id = `evaluation-${i + 1}`;
      return { id, title: evaluation.data, section: evaluationSection(evaluation, id) };
    }),
    { id: "mistakes", title: "Most confident mistakes", section: mistakesSection(mistakes) },
    { id: "folds", title: "Spread over the runs", section: foldsSection(folds) },
  ];
}

function contents(all: readonly Chapter[]): Markup | undefined {
  if (all.length < 2) return undefined;
  return markup`<nav aria-label="Contents"><ul>${
    all.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)
  }</ul></nav>`;
}

/** Control characters are not allowed in HTML and XML, not even escaped. */
function withoutControls(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]/g, "\ufffd");
}
