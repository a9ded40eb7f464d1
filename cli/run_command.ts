import { parseCommand } from "./arguments.ts";
import type { Command } from "./command.ts";
import {
  type ConfigFile,
  configOf,
  findConfigFile,
  type LoadCommands,
  takeConfigFlag,
} from "./config_file.ts";
import { askForPermissions } from "./permissions.ts";
import { busHelpOf, helpOf } from "./ui/help.ts";
import { print } from "./ui/terminal.ts";

/**
 * Runs a command, or prints its help.
 *
 * @param argv The arguments after its name.
 * @param all Loads all commands, for the configuration file. @default {none: there is no such file}
 * @returns The exit code.
 * @throws What {@linkcode parseCommand} and the command throw.
 */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  all?: LoadCommands,
): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    print(helpOf(command));
    return 0;
  }
  if (argv.includes("--help-bus")) {
    print(busHelpOf(command));
    return 0;
  }
  await askForPermissions(command, argv);
  const { path, rest } = all ? takeConfigFlag(argv) : { path: undefined, rest: argv };
  const file = all && await findConfigFile(path);
  // It may name a Kafka, for which the network is needed.
  if (file) await askForPermissions(command, [...argv, ...textsIn(file)]);
  const { run, args } = parseCommand(command, rest, file && await configOf(file, command, all!));
  return await run(args);
}

function textsIn({ content }: ConfigFile): string[] {
  return Object.values(content).flat().filter((value) => typeof value === "string");
}
