import { encodePng } from "../../../models/image/encode_png.ts";
import type { Score } from "../../../models/logits.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { Canvas, type Colour, TEXT } from "../../ui/canvas.ts";
import { fitPicture } from "../../ui/picture.ts";
import { percent } from "../../ui/terminal.ts";
import { factsOf } from "./facts.ts";
import { type Inspection, type Stage, TOP } from "./inspection.ts";

const [GROUND, INK, QUIET, FRAME, BAR, WRONG]: Colour[] = [
  [255, 255, 255],
  [28, 29, 32],
  [93, 95, 102],
  [241, 241, 238],
  [127, 178, 216],
  [179, 74, 0],
];

/** Side of a drawing, the distance between two, and around all, in pixels. */
const [SIDE, GAP, MARGIN] = [224, 24, 24];

/** Of the bars of confidence, in pixels. */
const BAR_HEIGHT = 12;

/** Drawings beside each other at most. */
const MAX_ACROSS = 6;

/** One drawing with its title; the last of an image has the classes instead. */
type Cell = Stage | { readonly top: readonly Score[] };

/**
 * Draws inspections as one PNG: for each image what is known, and all drawings beside each other.
 *
 * @param inspections Of any number of images.
 * @param model That classified them.
 * @returns The file.
 */
export function drawSheet(inspections: readonly Inspection[], model: Manifest): Uint8Array {
  const all = inspections.map((inspection) => ({ inspection, cells: cellsOf(inspection) }));
  const across = Math.min(MAX_ACROSS, Math.max(4, ...all.map(({ cells }) => cells.length)));
  const width = 2 * MARGIN + across * SIDE + (across - 1) * GAP;
  const columns = Math.floor((width - 2 * MARGIN) / TEXT.advance);
  const bands = all.map(({ inspection, cells }) => {
    const lines = linesOf(inspection, model, columns);
    const rows = Math.ceil(cells.length / across);
    return { lines, cells, height: lines.length * TEXT.line + GAP / 2 + rows * (TEXT.line + SIDE + GAP) };
  });
  const height = bands.reduce((sum, band) => sum + band.height + MARGIN, MARGIN);
  const canvas = new Canvas(width, height, GROUND!);
  let top = MARGIN;
  for (const { lines, cells, height } of bands) {
    lines.forEach(({ text, colour }, i) => canvas.text(text, MARGIN, top + i * TEXT.line, colour));
    const start = top + lines.length * TEXT.line + GAP / 2;
    cells.forEach((cell, i) => {
      const left = MARGIN + (i % across) * (SIDE + GAP);
      drawCell(canvas, cell, left, start + Math.floor(i / across) * (TEXT.line + SIDE + GAP));
    });
    top += height + MARGIN;
  }
  return encodePng(canvas.pixels);
}

function cellsOf({ way, outcome }: Inspection): Cell[] {
  if (!way) return [];
  return [...way.stages, ...outcome.ok ? [{ top: outcome.top.slice(0, TOP) }] : []];
}

interface Line {
  readonly text: string;
  readonly colour: Colour;
}

/** The name, then the facts one after the other, as many as fit in each line. */
function linesOf(inspection: Inspection, model: Manifest, columns: number): Line[] {
  const lines: Line[] = [{ text: inspection.file.slice(-columns), colour: INK! }];
  for (const [name, value] of factsOf(inspection, model)) {
    const text = `${name}: ${value}`;
    const isRefusal = name === "refused";
    const last = lines.at(-1)!;
    const joined = `${last.text}   ${text}`;
    if (lines.length > 1 && !isRefusal && joined.length <= columns) {
      lines[lines.length - 1] = { ...last, text: joined };
    } else {for (let at = 0; at < text.length; at += columns) {
        lines.push({ text: text.slice(at, at + columns), colour: isRefusal ? WRONG! : QUIET! });
      }}
  }
  return lines;
}

function drawCell(canvas: Canvas, cell: Cell, left: number, top: number): void {
  if ("top" in cell) return drawClasses(canvas, cell.top, left, top);
  canvas.text(cell.name, left, top, QUIET!);
  const frame = top + TEXT.line;
  canvas.fill(left, frame, SIDE, SIDE, FRAME!);
  const image = fitPicture(cell.picture, SIDE, SIDE);
  const scale = Math.max(1, Math.floor(SIDE / Math.max(image.width, image.height)));
  const [x, y] = [image.width, image.height].map((side) => Math.floor((SIDE - side * scale) / 2));
  canvas.paint(image, left + x!, frame + y!, scale);
}

function drawClasses(canvas: Canvas, top: readonly Score[], left: number, y: number): void {
  top.forEach(({ label, confidence }, i) => {
    const at = y + TEXT.line * (1 + 3 * i);
    canvas.text(label.slice(0, SIDE / TEXT.advance - 8), left, at, i === 0 ? INK! : QUIET!);
    canvas.fill(left, at + TEXT.line, SIDE, BAR_HEIGHT, FRAME!);
    canvas.fill(left, at + TEXT.line, Math.round(confidence * SIDE), BAR_HEIGHT, BAR!);
    const number = percent(confidence);
    canvas.text(number, left + SIDE - number.length * TEXT.advance, at, i === 0 ? INK! : QUIET!);
  });
}
