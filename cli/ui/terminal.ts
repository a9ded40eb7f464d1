/** Whether standard output is a terminal, and colour was not refused (`NO_COLOR`). */
export const coloured: boolean = Deno.stdout.isTerminal() && !Deno.noColor;

/** Emphasised, on a terminal. */
export function bold(text: string): string {
  return paint(1, text);
}

/** In the background, on a terminal. */
export function dim(text: string): string {
  return paint(2, text);
}

/** For what is well, on a terminal. */
export function green(text: string): string {
  return paint(32, text);
}

/** For what is wrong, on a terminal. */
export function red(text: string): string {
  return paint(31, text);
}

/**
 * Aligns rows in columns: numbers on the right if all cells below the head are numbers, other columns on the left.
 *
 * @param rows Cells, which may contain colours.
 * @returns The lines, without a line feed at the end.
 */
export function columns(rows: readonly (readonly string[])[]): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const formats = Array.from({ length: count }, (_, i) => columnFormat(rows.map((row) => row[i] ?? "")));
  return rows.map((row) => row.map((cell, i) => formats[i]!(cell)).join("  ").trimEnd()).join("\n");
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
    else if (last.length + 1 + word.length <= width) lines.push(`${last} ${word}`);
    else lines.push(last, word);
  }
  return lines;
}

/** A share, 0 to 1, as text: `91.4 %`. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Prints a line on standard output. */
export function print(text: string): void {
  writeAll(Deno.stdout, text + "\n");
}

/** Prints a line on standard error: human-readable, not for programs. */
export function logError(text: string): void {
  writeAll(Deno.stderr, text + "\n");
}

/** Shows a line on standard error that the next one replaces, cut at the width; nothing where that is no terminal. */
export function showProgress(text: string): void {
  // A line that wraps is not erased by \r: each redraw would leave one behind.
  if (Deno.stderr.isTerminal()) writeAll(Deno.stderr, `\r\x1b[2K${text.slice(0, terminalWidth() - 1)}`);
}

function writeAll(target: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += target.writeSync(bytes.subarray(at));
}

function paint(code: number, text: string): string {
  return coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
}

// deno-lint-ignore no-control-regex -- colours are control characters
const COLOURS = /\x1b\[[\d;]*m/g;

/** How many columns a text takes, its colours left out. */
export function width(text: string): number {
  return text.replace(COLOURS, "").length;
}

function columnFormat(cells: readonly string[]): (cell: string) => string {
  const to = Math.max(...cells.map(width));
  const numeric = cells.length > 1 && cells.slice(1).every((cell) => /^([\d.,]+( %)?|-?)$/.test(cell));
  const space = (cell: string) => " ".repeat(to - width(cell));
  return numeric ? (cell) => space(cell) + cell : (cell) => cell + space(cell);
}
