import { count, NOTHING, percent, plural, significant } from "./format.ts";
import { lineChart } from "./line_chart.ts";
import type { Line } from "./line_chart.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import type { EpochMeasures, TrainingRun } from "./report_content.ts";
import { table } from "./table.ts";

type Measure = Exclude<keyof EpochMeasures, "epoch">;

interface Chart {
  readonly title: string;
  readonly axis: string;
  /** Its lines; the first has the first colour of the palette. */
  readonly measures: readonly { readonly of: Measure; readonly name: string }[];
  readonly format: (value: number) => string;
  /** Formats a tick. @default {the plain number} */
  readonly tick?: (value: number) => string;
  readonly explain: (mean: readonly EpochMeasures[]) => string;
}

const CHARTS: readonly Chart[] = [
  {
    title: "Loss",
    axis: "Loss (nats)",
    measures: [{ of: "validationLoss", name: "validation" }, { of: "trainLoss", name: "training" }],
    format: significant,
    explain: explainLoss,
  },
  {
    title: "Accuracy",
    axis: "Accuracy (%)",
    measures: [{ of: "validationAccuracy", name: "validation" }, { of: "trainAccuracy", name: "training" }],
    format: percent,
    tick: (value) => significant(100 * value, 4),
    explain: explainAccuracy,
  },
  {
    title: "Learning rate",
    axis: "Learning rate",
    measures: [{ of: "learningRate", name: "" }],
    format: significant,
    tick: (value) => significant(value),
    explain: explainLearningRate,
  },
  {
    title: "Speed",
    axis: "Images per second",
    measures: [{ of: "imagesPerSecond", name: "" }],
    format: count,
    tick: count,
    explain: explainSpeed,
  },
];

/**
 * Draws the learning curves.
 *
 * @param runs One or several; those without epochs are ignored.
 * @returns A section; undefined if there are no epochs.
 */
export function curvesSection(runs: readonly TrainingRun[] = []): Markup | undefined {
  const filled = runs.filter(({ epochs }) => epochs.length > 0);
  if (filled.length === 0) return undefined;
  const mean = meanRun(filled);
  const shown = CHARTS.filter(({ measures }) => measures.some(({ of }) => has(mean, of)));
  const several = filled.length === 1
    ? undefined
    : markup`<p>Thick lines are the mean of ${plural(filled.length, "run")}, faint ones the runs (${
      filled.map(({ name }) => name).join(", ")
    }): the closer they are, the less the result depends on chance.</p>`;
  return markup`<section id="curves"><h2>Learning curves</h2>
${several}
<div class="figures two">${shown.map((chart) => figure(chart, filled, mean))}</div>
<details><summary>Values</summary>${numbers(shown, mean, filled.length)}</details>
</section>`;
}

function figure(chart: Chart, runs: readonly TrainingRun[], mean: readonly EpochMeasures[]): Markup {
  const lines = chart.measures.flatMap(({ of, name }, i) => {
    const faint = runs.length === 1 ? [] : runs.map((run) => line(run.epochs, of, name, i + 1, true));
    return has(mean, of) ? [...faint, line(mean, of, name, i + 1, false)] : [];
  }).reverse();
  const drawing = lineChart({
    label: `${chart.title} by epoch`,
    x: { title: "Epoch", format: (tick) => String(tick) },
    y: { title: chart.axis, ...chart.tick === undefined ? {} : { format: chart.tick } },
    format: (value) => chart.format(value),
    lines,
  });
  return markup`<figure><h3>${chart.title}</h3>${drawing}<figcaption>${
    chart.explain(mean)
  }</figcaption></figure>\n`;
}

function line(
  epochs: readonly EpochMeasures[],
  of: Measure,
  name: string,
  colour: number,
  faint: boolean,
): Line {
  const points = epochs.flatMap((epoch) =>
    Number.isFinite(epoch[of]) ? [{ x: epoch.epoch, y: epoch[of]! }] : []
  );
  return { name, colour, faint, points };
}

/** The mean over the runs that have the epoch. */
function meanRun(runs: readonly TrainingRun[]): EpochMeasures[] {
  const all = runs.flatMap(({ epochs }) => epochs);
  const byEpoch = Map.groupBy(all, ({ epoch }) => epoch);
  return [...byEpoch].sort(([a], [b]) => a - b).map(([epoch, measures]) => {
    const mean: { -readonly [key in keyof EpochMeasures]: EpochMeasures[key] } = { epoch, trainLoss: NaN };
    for (const of of CHARTS.flatMap((chart) => chart.measures.map((measure) => measure.of))) {
      const values = measures.flatMap((measure) => measure[of] ?? []).filter(Number.isFinite);
      if (values.length > 0) mean[of] = values.reduce((a, b) => a + b) / values.length;
    }
    return mean;
  });
}

function has(mean: readonly EpochMeasures[], of: Measure): boolean {
  return mean.some((epoch) => Number.isFinite(epoch[of]));
}

function numbers(charts: readonly Chart[], mean: readonly EpochMeasures[], runs: number): Markup {
  const columns = charts.flatMap(({ title, measures, format }) =>
    measures.filter(({ of }) => has(mean, of)).map(({ of, name }) => ({
      title: name === "" ? title : `${title}, ${name}`,
      isNumeric: true,
      write: (epoch: EpochMeasures) => epoch[of] === undefined ? NOTHING : format(epoch[of]),
    }))
  );
  return table({
    caption: runs === 1 ? "Measurements of each epoch." : `Means over ${runs} runs.`,
    columns: [{ title: "Epoch", isNumeric: true }, ...columns],
    rows: mean.map((epoch) => [epoch.epoch, ...columns.map(({ write }) => write(epoch))]),
  });
}

function explainLoss(mean: readonly EpochMeasures[]): string {
  const [first, last] = [mean[0]!, mean.at(-1)!];
  const change = `The training loss changes from ${significant(first.trainLoss)} to ${
    significant(last.trainLoss)
  }.`;
  const validated = mean.filter(({ validationLoss }) => validationLoss !== undefined);
  if (validated.length === 0) return change;
  const best = validated.reduce((a, b) => b.validationLoss! < a.validationLoss! ? b : a);
  const end = validated.at(-1)!;
  const min = `The validation loss is lowest in epoch ${best.epoch} (${significant(best.validationLoss!)})`;
  if (best === end) return `${change} ${min}, the last one: more epochs may help.`;
  if (end.validationLoss! <= best.validationLoss! * 1.02) {
    return `${change} ${min} and nearly the same at the end (${significant(end.validationLoss!)}).`;
  }
  return `${change} ${min} and ${
    significant(end.validationLoss!)
  } at the end: the model overfits after epoch ${best.epoch}.`;
}

function explainAccuracy(mean: readonly EpochMeasures[]): string {
  const last = mean.at(-1)!;
  const training = `The final accuracy is ${percent(last.trainAccuracy)} on training images`;
  if (last.validationAccuracy === undefined) return `${training}.`;
  if (last.trainAccuracy === undefined) {
    return `The final accuracy is ${percent(last.validationAccuracy)} on validation images.`;
  }
  const gap = last.trainAccuracy - last.validationAccuracy;
  const both = `${training} and ${percent(last.validationAccuracy)} on validation images`;
  return gap < 0
    ? `${both}. Training images are measured during the epoch and with augmentation, which makes them harder.`
    : `${both}: the gap of ${(100 * gap).toFixed(1)} points does not generalise to new images.`;
}

function explainLearningRate(mean: readonly EpochMeasures[]): string {
  const rates = mean.filter(({ learningRate }) => learningRate !== undefined);
  const max = rates.reduce((a, b) => b.learningRate! > a.learningRate! ? b : a);
  return `Learning rate at the end of each epoch: at most ${
    significant(max.learningRate!)
  } (epoch ${max.epoch}), finally ${significant(rates.at(-1)!.learningRate!)}.`;
}

function explainSpeed(mean: readonly EpochMeasures[]): string {
  const speeds = mean.flatMap(({ imagesPerSecond }) => imagesPerSecond ?? []);
  const average = speeds.reduce((a, b) => a + b) / speeds.length;
  return `${count(average)} images per second on average, ${
    count(Math.min(...speeds))
  } in the slowest epoch. In a dip the machine was busy with other work.`;
}
