import type { Score } from "../../../models/logits.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { beside, drawPicture, fitPicture } from "../../ui/picture.ts";
import { printable } from "../../../lib/printable.ts";
import { bold, columns, dim, percent, red } from "../../ui/terminal.ts";
import { factsOf } from "./facts.ts";
import { type Inspection, type Stage, TOP } from "./inspection.ts";

/** Columns between drawings. */
const GAP = 2;

/** Columns of a drawing: as many beside each other as are at least that wide; none is wider than the images of most models. */
const [MIN_WIDTH, MAX_WIDTH] = [25, 28];

/**
 * Draws an inspection for a terminal: what is known, the original and the steps beside each other, then what the model sees
 * with its classes.
 *
 * @param inspection Of one image.
 * @param model That classified it.
 * @param width Columns.
 */
export function draw(inspection: Inspection, model: Manifest, width: number): string {
  const { file, way, outcome } = inspection;
  const facts = factsOf(inspection, model);
  const cells = facts.map(([name, value]) => [dim(name), name === "refused" ? red(value) : value]);
  const lines = [columns([[bold(file)]], width), columns(cells, width)];
  if (way) {
    lines.push("", ...grid(way.stages.slice(0, -1), width), ...answer(way.stages.at(-1)!, outcome, width));
  }
  return lines.join("\n") + "\n";
}

function grid(stages: readonly Stage[], width: number): string[] {
  const across = Math.max(2, Math.floor((width + GAP) / (MIN_WIDTH + GAP)));
  const side = Math.min(MAX_WIDTH, Math.floor((width - (across - 1) * GAP) / across));
  const lines: string[] = [];
  for (let i = 0; i < stages.length; i += across) {
    const blocks = stages.slice(i, i + across).map(({ name, picture }) => [
      dim(name.slice(0, side)),
      ...drawPicture(fitPicture(picture, side, side)),
    ]);
    lines.push(...beside(blocks, side, GAP), "");
  }
  return lines;
}

/** What the model sees, pixel for pixel where there is room; beside it, or below, the classes. */
function answer(seen: Stage, outcome: Inspection["outcome"], width: number): string[] {
  const side = Math.min(seen.width, width);
  const title = `${seen.name}, ${seen.width} × ${seen.height}`;
  const image = drawPicture(fitPicture(seen.picture, side, side));
  const room = width - side - GAP;
  if (room < MIN_WIDTH - GAP) return [dim(title), ...image, "", ...classes(outcome, width)];
  const isTitleWide = title.length > side;
  const left = isTitleWide ? ["", ...image] : [dim(title), ...image];
  const right = ["", ...classes(outcome, Math.min(room, 2 * MAX_WIDTH))];
  const rows = beside([left, right], side, GAP);
  return isTitleWide ? [dim(title), ...rows.slice(1)] : rows;
}

function classes(outcome: Inspection["outcome"], width: number): string[] {
  if (!outcome.ok) return [];
  return outcome.top.slice(0, TOP).flatMap((score, i) => bar(score, !outcome.unknown && i === 0, width));
}

function bar({ label, confidence }: Score, isBest: boolean, width: number): string[] {
  const number = percent(confidence).padStart(8);
  const room = width - number.length;
  const filled = Math.round(confidence * room);
  const paint = isBest ? bold : (text: string) => text;
  return [
    paint(printable(label)),
    "█".repeat(filled) + dim("░".repeat(room - filled)) + paint(number),
    "",
  ];
}
