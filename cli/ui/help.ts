import { defaultOf, flagOf, type Option, variableOf } from "../../lib/options.ts";
import { valueForm } from "../arguments.ts";
import { type Command, programOf, readsVariables } from "../command.ts";
import { permissionFlags } from "../permissions.ts";
import { bold, columns, fit, terminalWidth, wrap } from "./terminal.ts";

const CONFIG_TEXT =
  "configuration file; default: imagebus.json or imagebus.jsonc here or in a directory above (IMAGEBUS_CONFIG)";

/** What the program does, and its commands. */
export function overview(commands: readonly Command[], width = terminalWidth()): string {
  return [
    fit(
      "imagebus: send an image to a bus; the Worker of its model classifies it; the result comes back.",
      width,
    ),
    "",
    bold("Commands"),
    columns(commands.map((command) => [`  ${command.name}`, command.summary]), width),
    "",
    fit(
      "imagebus help COMMAND describes a command and its options; imagebus --version prints the version.",
      width,
    ),
  ].join("\n");
}

/**
 * How to use a command, with examples.
 *
 * @param command Which one.
 * @param width Columns at which texts wrap; flags, variables and command lines stay whole.
 */
export function helpOf(command: Command, width = terminalWidth()): string {
  const hasBus = optionsOf(command, true).length > 0;
  return [
    ...wrap(`${command.summary}.`, width),
    "",
    bold("Usage"),
    ...usages(command).map((usage) => `  ${programOf(command)} ${usage}`),
    "",
    bold("Options"),
    ...describe(command, false, width),
    ...readsVariables(command) ? ["  --config FILE", ...indent(CONFIG_TEXT, 6, width)] : [],
    "  --help",
    "      print this text",
    ...hasBus
      ? ["  --help-bus", ...indent("print the options for Kafka and for the embedded bus", 6, width)]
      : [],
    "",
    ...command.terms ? [bold(command.terms.title), ...pairs(command.terms.rows, width), ""] : [],
    bold("Examples"),
    ...pairs(command.examples, width),
    "",
    ...command.program
      ? []
      : [bold("Permissions"), ...indent(permissionFlags(command.permissions).join(" "), 2, width)],
  ].join("\n").trimEnd();
}

/**
 * The options of a command for Kafka alone and for the embedded bus alone: `--help-bus`.
 *
 * @param command Which one.
 * @param width As for {@linkcode helpOf}.
 */
export function busHelpOf(command: Command, width = terminalWidth()): string {
  return [bold(fit("Options for Kafka and for the embedded bus", width)), ...describe(command, true, width)]
    .join("\n");
}

/** The options with a dot in their name, which belong to one kind of bus, or the others. */
function optionsOf({ options }: Command, ofBus: boolean): [string, Option][] {
  return Object.entries(options).filter(([name, row]) => row.type !== "api" && name.includes(".") === ofBus);
}

function describe(command: Command, ofBus: boolean, width: number): string[] {
  return optionsOf(command, ofBus).flatMap(([name, row]) => [
    `  ${usage(name, row)}`,
    ...indent(about(command, name, row), 6, width),
  ]);
}

function usages(command: Command): string[] {
  if (!("actions" in command)) return [`${command.name} [options] ${command.operands.form}`.trimEnd()];
  return Object.entries(command.actions).map(([name, { operands }]) => {
    const action = name === command.otherwise ? `[${name}]` : name;
    return `${command.name} ${action} [options] ${operands.form}`.trimEnd();
  });
}

function usage(name: string, row: Option): string {
  const flag = row.short === undefined ? flagOf(name) : `-${row.short}, ${flagOf(name)}`;
  if (row.type === "flag") return row.default === true ? flag.replace("--", "--[no-]") : flag;
  return `${flag} ${valueForm(row)}`;
}

/** What an option is for, after the actions that take it, unless all do. */
export function purposeOf(command: Command, name: string, { text }: Option): string {
  if (!("actions" in command)) return text;
  const actions = Object.entries(command.actions);
  const taking = actions.filter(([, { options }]) => options.includes(name)).map(([action]) => action);
  return taking.length === actions.length ? text : `${taking.join(", ")}: ${text}`;
}

/** The purpose of an option, its default and its variable. */
function about(command: Command, name: string, row: Option): string {
  const value = defaultOf(row);
  return `${purposeOf(command, name, row)}${value && `; default: ${value}`}` +
    (readsVariables(command) && !row.typed ? ` (${variableOf(name, row)})` : "");
}

function pairs(rows: readonly (readonly [string, string])[], width: number): string[] {
  return rows.flatMap(([left, right]) => [`  ${left}`, ...indent(right, 6, width)]);
}

function indent(text: string, by: number, width: number): string[] {
  return wrap(text, width - by).map((line) => " ".repeat(by) + line);
}
