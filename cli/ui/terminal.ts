import { stripVTControlCharacters } from "node:util";
import { explainFileError } from "../../lib/file_errors.ts";
import { printable } from "../../lib/printable.ts";
import { stdSpinner } from "./std_cli.ts";
import { columnsOf, cutText } from "./text_width.ts";

/** Whether standard output is a terminal, and colour was not refused (`NO_COLOR`). */
export const coloured: boolean = Deno.stdout.isTerminal() && !Deno.noColor;

/** Emphasised, on a terminal. */
export const bold: (text: string) => string = painter(1);

/** In the background, on a terminal. */
export const dim: (text: string) => string = painter(2);

/** For what is well, on a terminal. */
export const green: (text: string) => string = painter(32);

/** For what is wrong, on a terminal. */
export const red: (text: string) => string = painter(31);

function painter(code: number): (text: string) => string {
  return coloured ? (text) => `\x1b[${code}m${text}\x1b[0m` : (text) => text;
}

const GAP = "  ";
/** Before the further lines of a row. */
const INDENT = "    ";
/** A long text is broken where it stands only if it has this much room there. */
const MIN_ROOM = 40;

/** A cell: its text, without control characters, and the code of its colour. */
interface Cell {
  readonly text: string;
  readonly colour: string;
}

/** A column: its index in each row, and how it is shown. */
interface Column {
  readonly index: number;
  readonly width: number;
  readonly isNumeric: boolean;
}

/**
 * Aligns rows in columns: numbers on the right if all cells below the head are numbers, other columns on the left. What does
 * not fit continues on further lines, which are indented; a text that is longer than a line is broken, between words if
 * possible. Control characters are escaped.
 *
 * @param rows Cells, each of which may be coloured as a whole.
 * @param total Columns of the terminal.
 * @returns The lines, without a line feed at the end.
 */
export function columns(rows: readonly (readonly string[])[], total: number = terminalWidth()): string {
  const cells = rows.map((row) => row.map(toCell));
  const [first = [], ...further] = layout(cells, total);
  return cells.flatMap((row) => [
    ...draw(row, first, ""),
    ...further.flatMap((line) => draw(row, line, INDENT)).filter((line) => line !== ""),
  ]).join("\n");
}

function toCell(cell: string): Cell {
  // deno-lint-ignore no-control-regex -- colours are control characters
  const [, colour = "", text = cell] = /^(\x1b\[\d+m)(.*)\x1b\[0m$/s.exec(cell) ?? [];
  return { colour, text: printable(text) };
}

/** Distributes the columns over lines; they are the same for all rows. */
function layout(rows: readonly (readonly Cell[])[], total: number): Column[][] {
  const lines: Column[][] = [[]];
  let room = total;
  for (let index = 0; rows.some((row) => index < row.length); index++) {
    const texts = rows.map((row) => row[index]?.text ?? "");
    const needed = Math.max(...texts.map(columnsOf));
    const word = Math.max(...texts.flatMap((text) => text.split(" ")).map(columnsOf));
    const isBroken = room >= MIN_ROOM && (word <= room || word > total - INDENT.length);
    if (needed > room && !isBroken && lines.at(-1)!.length > 0) {
      lines.push([]);
      room = total - INDENT.length;
    }
    const width = Math.min(needed, room);
    lines.at(-1)!.push({ index, width, isNumeric: areNumbers(texts) });
    room -= width + GAP.length;
  }
  return lines;
}

function areNumbers([_head, ...texts]: readonly string[]): boolean {
  return texts.length > 0 && texts.every((text) => /^([\d.,]+( %)?|-?)$/.test(text));
}

function draw(row: readonly Cell[], line: readonly Column[], indent: string): string[] {
  const cells = line.map(({ index, width, isNumeric }) => {
    const { text, colour } = row[index] ?? { text: "", colour: "" };
    const paint = (part: string) => colour && part ? `${colour}${part}\x1b[0m` : part;
    return breakText(text, width).map((part) => {
      const space = " ".repeat(Math.max(0, width - columnsOf(part)));
      return isNumeric ? space + paint(part) : paint(part) + space;
    });
  });
  const blank = line.map(({ width }) => " ".repeat(width));
  const height = Math.max(1, ...cells.map(({ length }) => length));
  return Array.from(
    { length: height },
    (_, y) => (indent + cells.map((parts, i) => parts[y] ?? blank[i]).join(GAP)).trimEnd(),
  );
}

/** {@linkcode wrap}, which also breaks words that are longer than a line. */
function breakText(text: string, width: number): string[] {
  return columnsOf(text) <= width ? [text] : wrap(text, width).flatMap((line) => cutText(line, width));
}

/** Columns of the terminal, at least 40; 80 where there is none. */
export function terminalWidth(): number {
  try {
    return Math.max(40, Deno.consoleSize().columns);
  } catch {
    return 80; // Neither stdin, stdout nor stderr is a terminal.
  }
}

/**
 * Breaks a text between words.
 *
 * @param text One line.
 * @param width Columns; a longer word stays whole.
 */
export function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.pop()!;
    if (last === "") lines.push(word);
    else if (columnsOf(last) + 1 + columnsOf(word) <= width) lines.push(`${last} ${word}`);
    else lines.push(last, word);
  }
  return lines;
}

/**
 * Breaks the lines of a text between words.
 *
 * @param text Lines that are indented stay whole: they are command lines.
 * @param width Columns. @default {those of the terminal}
 */
export function fit(text: string, width: number = terminalWidth()): string {
  const fits = (line: string) => columnsOf(line) <= width || line.startsWith(" ");
  return text.split("\n").flatMap((line) => fits(line) ? [line] : wrap(line, width)).join("\n");
}

/** A share, 0 to 1, as text: `91.4 %`. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Prints a line on standard output. */
export function print(text: string): void {
  if (Deno.stdout.isTerminal()) removeProgress();
  try {
    writeAll(Deno.stdout, text + "\n");
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) throw cause;
    throw new Error(explainFileError("write", "standard output", cause).message, { cause });
  }
}

/** Prints human-readable text on standard error; on a terminal it is fitted to its width. */
export function logError(text: string): void {
  removeProgress();
  writeError(Deno.stderr.isTerminal() ? fit(text) : text);
}

/** Prints a line on standard error as it is. */
export function writeError(line: string): void {
  writeAll(Deno.stderr, line + "\n");
}

let isProgressShown = false;
/** For the frame of the spinner, and the last column: a line that wraps is not erased, each redraw would leave one behind. */
const FRAME = 3;

/**
 * Shows a line on standard error until something else is shown there; nothing where that is no terminal.
 *
 * @param text Cut at the width; an empty one removes the line.
 */
export function showProgress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  isProgressShown = text !== "";
  const [line = ""] = cutText(text, terminalWidth() - FRAME);
  const spinner = stdSpinner();
  if (spinner && isProgressShown) {
    spinner.message = line;
    spinner.start();
  } else {
    spinner?.stop();
    writeAll(Deno.stderr, `\r\x1b[2K${line}`);
  }
}

function removeProgress(): void {
  if (isProgressShown) showProgress("");
}

function writeAll(target: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += target.writeSync(bytes.subarray(at));
}

/** How many columns a text takes, its colours left out. */
export function width(text: string): number {
  return columnsOf(stripVTControlCharacters(text));
}
