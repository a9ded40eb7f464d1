import { defaultOf, flagOf, type Option, variableOf } from "../../lib/options.ts";
import { type Command, programOf } from "../command.ts";
import { bold, columns, terminalWidth, wrap } from "./terminal.ts";

/** What the program is, and its commands. */
export function overview(commands: readonly Command[]): string {
  return [
    "imagebus: send an image to a bus; the actor of its model classifies it; the result",
    "comes back.",
    "",
    bold("Commands"),
    columns(commands.map((command) => [`  ${command.name}`, command.summary])),
    "",
    "imagebus COMMAND --help explains a command.",
  ].join("\n");
}

/** How a command is used, with examples. */
export function helpOf(command: Command): string {
  const width = terminalWidth();
  const rows = Object.entries(command.options).filter(([, row]) => row.type !== "api");
  const [special, own] = [true, false].map((dotted) =>
    rows.filter(([name]) => name.includes(".") === dotted)
  );
  const describe = (list: typeof rows) =>
    list.flatMap(([name, row]) => [`  ${usage(name, row)}`, ...indent(about(command, name, row), width)]);
  return [
    ...wrap(`${command.summary}.`, width),
    "",
    bold("Usage"),
    ...usages(command).map((usage) => `  ${programOf(command)} ${usage}`),
    "",
    bold("Options"),
    ...describe(own!),
    "  --help",
    "      this text",
    "",
    ...command.terms ? [bold(command.terms.title), ...pairs(command.terms.rows, width), ""] : [],
    bold("Examples"),
    ...pairs(command.examples, width),
    "",
    ...special!.length > 0
      ? [bold("Options of Kafka and of the embedded bus"), ...describe(special!), ""]
      : [],
    ...command.program
      ? []
      : [bold("Permissions"), `  ${command.permissions.map((name) => `--allow-${name}`).join(" ")}`],
  ].join("\n").trimEnd();
}

function usages(command: Command): string[] {
  if (!("actions" in command)) return [`${command.name} [options] ${command.operands.form}`.trimEnd()];
  return Object.entries(command.actions).map(([name, { operands }]) =>
    `${command.name} ${name} [options] ${operands.form}`.trimEnd()
  );
}

function usage(name: string, row: Option): string {
  if (row.type === "flag") return row.default === true ? flagOf(name).replace("--", "--no-") : flagOf(name);
  return `${flagOf(name)} ${row.value}`;
}

/** What it is for, its default and its variable. */
function about({ program }: Command, name: string, row: Option): string {
  const otherwise = defaultOf(row);
  const text = row.type === "flag" && row.default === true ? `do not ${row.text}` : row.text;
  return `${text}${otherwise && row.type !== "flag" ? `; default: ${otherwise}` : ""}` +
    (program ? "" : ` (${variableOf(name, row)})`);
}

function pairs(rows: readonly (readonly [string, string])[], width: number): string[] {
  return rows.flatMap(([left, right]) => [`  ${left}`, ...indent(right, width)]);
}

function indent(text: string, width: number): string[] {
  return wrap(text, width - 6).map((line) => `      ${line}`);
}
