import type { CommandWords, FlagWords } from "./words.ts";

/** The script for fish. */
export function fishScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name);
  return [
    "# Completion of imagebus for fish.",
    ...commands.map(({ name, summary }) =>
      `complete -c imagebus -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`
    ),
    "complete -c imagebus -f -n __fish_use_subcommand -a help -d 'Describe a command and its options'",
    `complete -c imagebus -f -n '__fish_seen_subcommand_from help' -a '${names.join(" ")}'`,
    ...commands.flatMap(linesOf),
  ].join("\n");
}

function linesOf({ name, flags, operands }: CommandWords): string[] {
  const here = `complete -c imagebus -n '__fish_seen_subcommand_from ${name}'`;
  return [
    ...operands.length > 0 ? [`${here} -f -a '${operands.join(" ")}'`] : [],
    ...flags.map((flag) => `${here} ${optionOf(flag)}`),
  ];
}

function optionOf({ flag, short, text, value, values }: FlagWords): string {
  return [
    `-l ${flag.slice(2)}`,
    ...short === undefined ? [] : [`-s ${short}`],
    ...values ? [`-x -a '${values.join(" ")}'`] : value === undefined ? [] : ["-r"],
    `-d ${quoted(text)}`,
  ].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
