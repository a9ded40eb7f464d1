import { type Command, environmentOf, type Option } from "../command.ts";
import { bold, columns } from "./terminal.ts";

/** What the program is, and its commands. */
export function overview(commands: readonly Command[]): string {
  return [
    "imagebus: send an image to a bus; the actor of its model classifies it; the result comes back.",
    "",
    bold("Commands"),
    columns(commands.map(({ name, operands, summary }) => [`  ${name} ${operands}`.trimEnd(), summary])),
    "",
    "imagebus COMMAND --help explains a command.",
  ].join("\n");
}

/** How a command is used, with examples. */
export function helpOf(command: Command): string {
  const options = Object.entries(command.options).map((
    [name, option],
  ) => [`  ${usage(name, option)}`, about(name, option)]);
  return [
    command.summary + ".",
    "",
    `${bold("Usage")}  imagebus ${command.name} [options] ${command.operands}`.trimEnd(),
    "",
    bold("Options"),
    columns([...options, ["  --help", "this text"]]),
    "",
    bold("Examples"),
    columns(command.examples.map(([line, does]) => [`  ${line}`, does])),
    "",
    `${bold("Permissions")}  ${command.permissions.map((name) => `--allow-${name}`).join(" ")}`,
  ].join("\n");
}

function usage(name: string, { value }: Option): string {
  return value ? `--${name} ${value}` : `--${name}`;
}

function about(name: string, option: Option): string {
  return option.value ? `${option.description} (${environmentOf(name, option)})` : option.description;
}
