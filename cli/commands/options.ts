import { flagOf, type Option, variableOf } from "../../lib/options.ts";
import { didYouMean } from "../../lib/suggestion.ts";
import { resolveOptions } from "../arguments.ts";
import { type Arguments, type Command, defineCommand, type Source, UsageError } from "../command.ts";
import { type ConfigFile, configOf, findConfigFile, type LoadCommands } from "../config_file.ts";
import { JSON_OPTION } from "../options.ts";
import { withoutPassword } from "../results_file.ts";
import { bold, columns, fit, print } from "../ui/terminal.ts";

/** An option of a command, with where its value comes from. */
interface Row {
  readonly command: string;
  readonly option: string;
  readonly value: unknown;
  readonly source: Source | "default";
  /** The variable, or the path of the file. */
  readonly from?: string;
}

/** Shows the values of options. */
export function optionsCommand(all: LoadCommands): Command {
  return defineCommand({
    name: "options",
    summary: "Show the options that are set, and where: variable or configuration file",
    operands: { form: "[COMMAND]", min: 0, max: 1 },
    options: JSON_OPTION,
    examples: [
      ["imagebus options", "what variables and the configuration file set"],
      ["imagebus options worker", "all options of a command, with their defaults"],
      ["imagebus options worker --config production.json", "with another configuration file"],
    ],
    permissions: ["env", "read"],
    run: (args) => show(args, all),
  }) as Command;
}

async function show(
  { operands: [name], values, configPath }: Arguments<typeof JSON_OPTION>,
  all: LoadCommands,
) {
  const commands = (await all()).filter((command) => name === undefined || command.name === name);
  if (name !== undefined && commands.length === 0) {
    const meant = didYouMean(name, (await all()).map((one) => one.name));
    throw new UsageError(`Unknown command "${name}"${meant || ": imagebus help lists the commands"}`);
  }
  const file = await findConfigFile(configPath);
  const rows = (await Promise.all(commands.map((command) => rowsOf(command, file, all)))).flat()
    .filter(({ source }) => name !== undefined || source !== "default");
  if (values.json) { for (const row of rows) print(JSON.stringify(row)); }
  else print(file ? fit(`Configuration file: ${file.path}`) : "There is no configuration file.");
  if (!values.json && rows.length > 0) print(tableOf(rows, name === undefined));
  return 0;
}

async function rowsOf(command: Command, file: ConfigFile | undefined, all: LoadCommands): Promise<Row[]> {
  const config = file && await configOf(file, command, all);
  const { values, sources } = resolveOptions(command, command.options, config);
  return Object.entries(command.options).filter(([, row]) => row.type !== "api").map(([option, row]) => {
    const source = sources.get(option) ?? "default";
    const value = (values as Readonly<Record<string, unknown>>)[option];
    const from = source === "variable"
      ? variableOf(option, row)
      : source === "file"
      ? config!.path
      : undefined;
    return { command: command.name, option, value: shown(row, value, source), source, ...from && { from } };
  });
}

/** Secrets are not shown, nor passwords in URLs. */
function shown(row: Option, value: unknown, source: Row["source"]): unknown {
  if ("secret" in row && value !== undefined) return "…";
  if (Array.isArray(value)) return value.map((one) => shown(row, one, source));
  if (typeof value === "string") return withoutPassword(value);
  return value ?? (source === "default" ? row.otherwise : undefined) ?? null;
}

/** One line for the commands that have the same value from the same place. */
function tableOf(rows: readonly Row[], showsCommands: boolean): string {
  const same = Map.groupBy(rows, ({ option, value, from }) => JSON.stringify([option, value, from]));
  const lines = [...same.values()].map((group) => {
    const [{ option, value, source, from }] = group as [Row];
    const place = source === "variable" ? from! : source === "file" ? "file" : source;
    return [flagOf(option), textOf(value), place, group.map(({ command }) => command).join(", ")];
  });
  const cells = [["option", "value", "from", "commands"].map(bold), ...lines];
  return columns(showsCommands ? cells : cells.map((row) => row.slice(0, -1)));
}

function textOf(value: unknown): string {
  if (value === null) return "–";
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(",") : JSON.stringify(value);
}
