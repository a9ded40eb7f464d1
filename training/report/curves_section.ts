import { dot, line } from "npm:@observablehq/plot@0.6.17";
import type { EpochRecord } from "../fitting/trained_model.ts";
import { count, NOTHING, percent, plural, significant } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { drawPlot } from "./plot.ts";
import type { TrainingRun } from "./report_content.ts";
import { table } from "./table.ts";

type Measure = Exclude<keyof EpochRecord, "epoch">;
type Epochs = readonly EpochRecord[];

interface Chart {
  readonly title: string;
  readonly axis: string;
  /** What its lines show, with their names. */
  readonly lines: readonly (readonly [Measure, string])[];
  readonly format: (value: number) => string;
  readonly isShare?: boolean;
  readonly explain: (mean: Epochs) => string;
}

const CHARTS: readonly Chart[] = [
  {
    title: "Loss",
    axis: "Loss (nats)",
    lines: [["validationLoss", "validation"], ["trainLoss", "training"]],
    format: significant,
    explain: explainLoss,
  },
  {
    title: "Accuracy",
    axis: "Accuracy (%)",
    lines: [["validationAccuracy", "validation"], ["trainAccuracy", "training"]],
    format: percent,
    isShare: true,
    explain: explainAccuracy,
  },
  {
    title: "Learning rate",
    axis: "Learning rate",
    lines: [["learningRate", "learning rate"]],
    format: significant,
    explain: explainLearningRate,
  },
  {
    title: "Speed",
    axis: "Images per second",
    lines: [["imagesPerSecond", "images per second"]],
    format: count,
    explain: explainSpeed,
  },
];

const MEASURES = CHARTS.flatMap(({ title, lines, format }) =>
  lines.map(([of, name]) => ({ of, title: lines.length > 1 ? `${title}, ${name}` : title, format }))
);

/** Colours of the style sheet for the first and the second line of a chart. */
const COLOURS = ["var(--c1)", "var(--c2)"];

/**
 * Draws the learning curves.
 *
 * @param runs One or several; those without epochs are ignored.
 * @returns A section; undefined if there are no epochs.
 */
export function curvesSection(runs: readonly TrainingRun[] = []): Markup | undefined {
  const filled = runs.filter(({ epochs }) => epochs.length > 0);
  if (filled.length === 0) return undefined;
  const mean = meanOf(filled);
  const names = filled.map(({ name }) => name).join(", ");
  const several = filled.length === 1
    ? undefined
    : markup`<p>Thick lines are the mean of ${
      plural(filled.length, "run")
    }, faint ones the runs (${names}): the closer they are, the less the result depends on chance.</p>`;
  return markup`<section id="curves"><h2>Learning curves</h2>
${several}
<div class="figures">${CHARTS.map((chart) => figure(chart, filled, mean))}</div>
<details><summary>Values</summary>${values(mean, filled.length)}</details>
</section>`;
}

function figure(chart: Chart, runs: readonly TrainingRun[], mean: Epochs): Markup {
  const legend = chart.lines.length < 2
    ? undefined
    : chart.lines.map(([, name], i) =>
      markup`<i class="swatch" style="--swatch: ${COLOURS[i]}"></i>${name} `
    );
  return markup`<figure><h3>${chart.title}</h3>${legend}${draw(chart, runs, mean)}<figcaption>${
    chart.explain(mean)
  }</figcaption></figure>\n`;
}

function draw(
  { title, axis, lines, format, isShare = false }: Chart,
  runs: readonly TrainingRun[],
  mean: Epochs,
): Markup {
  const points = (epochs: Epochs, run: number) =>
    lines.flatMap(([of, name], i) =>
      epochs.filter((epoch) => Number.isFinite(epoch[of])).map((epoch) => ({
        x: epoch.epoch,
        y: epoch[of]!,
        colour: COLOURS[i]!,
        line: `${run} ${name}`,
        title: `Epoch ${epoch.epoch}, ${name}: ${format(epoch[of]!)}`,
      }))
    );
  const single = runs.length === 1 ? [] : runs.flatMap(({ epochs }, run) => points(epochs, run));
  const means = points(mean, -1);
  const channels = { x: "x", y: "y", z: "line", stroke: "colour" };
  return drawPlot(`${title} by epoch`, {
    width: 390,
    height: 236,
    marginLeft: 48,
    x: { label: "Epoch", tickFormat: (epoch) => Number.isInteger(epoch) ? String(epoch) : "" },
    y: { label: axis, grid: true, nice: true, percent: isShare, ticks: 6 },
    marks: [
      line(single, { ...channels, strokeWidth: 1, strokeOpacity: 0.45, className: "faint" }),
      line(means, { ...channels, strokeWidth: 2.2 }),
      dot(means, { x: "x", y: "y", r: 2.5, fill: "colour", title: "title" }),
    ],
  });
}

/** The mean over the runs that have the epoch. */
function meanOf(runs: readonly TrainingRun[]): EpochRecord[] {
  const byEpoch = Map.groupBy(runs.flatMap(({ epochs }) => epochs), ({ epoch }) => epoch);
  return [...byEpoch].sort(([a], [b]) => a - b).map(([epoch, records]) => {
    const means = MEASURES.flatMap(({ of }) => {
      const numbers = records.flatMap((record) => record[of] ?? []);
      return numbers.length === 0 ? [] : [[of, numbers.reduce((a, b) => a + b) / numbers.length]];
    });
    return { ...records[0]!, epoch, ...Object.fromEntries(means) };
  });
}

function values(mean: Epochs, runs: number): Markup {
  const shown = MEASURES.filter(({ of }) => mean.some((epoch) => epoch[of] !== undefined));
  return table(
    runs === 1 ? "Measurements of each epoch." : `Means over ${runs} runs.`,
    ["Epoch", ...shown.map(({ title }) => title)],
    mean.map((record) => [
      record.epoch,
      ...shown.map(({ of, format }) => record[of] === undefined ? NOTHING : format(record[of])),
    ]),
  );
}

function explainLoss(mean: Epochs): string {
  const [first, last] = [mean[0]!, mean.at(-1)!];
  const change = `The training loss changes from ${significant(first.trainLoss)} to ${
    significant(last.trainLoss)
  }.`;
  const validated = mean.flatMap(({ epoch, validationLoss: loss }) =>
    loss === undefined ? [] : [{ epoch, loss }]
  );
  const end = validated.at(-1);
  if (end === undefined) return change;
  const best = validated.reduce((a, b) => b.loss < a.loss ? b : a);
  const min = `The validation loss is lowest in epoch ${best.epoch} (${significant(best.loss)})`;
  const atEnd = significant(end.loss);
  if (best === end) return `${change} ${min}, the last one: more epochs may help.`;
  return end.loss <= best.loss * 1.02
    ? `${change} ${min} and nearly the same at the end (${atEnd}).`
    : `${change} ${min} and ${atEnd} at the end: the model overfits after epoch ${best.epoch}.`;
}

function explainAccuracy(mean: Epochs): string {
  const { trainAccuracy, validationAccuracy } = mean.at(-1)!;
  const training = `The final accuracy is ${percent(trainAccuracy)} on training images`;
  if (validationAccuracy === undefined) return `${training}.`;
  const gap = trainAccuracy - validationAccuracy;
  const both = `${training} and ${percent(validationAccuracy)} on validation images`;
  return gap < 0
    ? `${both}. Training images are measured during the epoch and with augmentation, which makes them harder.`
    : `${both}: the gap of ${(100 * gap).toFixed(1)} points does not generalise to new images.`;
}

function explainLearningRate(mean: Epochs): string {
  const max = mean.reduce((a, b) => b.learningRate > a.learningRate ? b : a);
  return `Learning rate at the end of each epoch: at most ${
    significant(max.learningRate)
  } (epoch ${max.epoch}), finally ${significant(mean.at(-1)!.learningRate)}.`;
}

function explainSpeed(mean: Epochs): string {
  const speeds = mean.map(({ imagesPerSecond }) => imagesPerSecond);
  return `${count(speeds.reduce((a, b) => a + b) / speeds.length)} images per second on average, ${
    count(Math.min(...speeds))
  } in the slowest epoch. In a dip the machine was busy with other work.`;
}
