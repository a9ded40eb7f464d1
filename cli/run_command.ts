import { parseCommand } from "./arguments.ts";
import type { Command } from "./command.ts";
import { askForPermissions } from "./permissions.ts";
import { busHelpOf, helpOf } from "./ui/help.ts";
import { print } from "./ui/terminal.ts";

/**
 * Runs a command, or prints its help.
 *
 * @param argv The arguments after its name.
 * @returns The exit code.
 * @throws What {@linkcode parseCommand} and the command throw.
 */
export async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    print(helpOf(command));
    return 0;
  }
  if (argv.includes("--help-bus")) {
    print(busHelpOf(command));
    return 0;
  }
  await askForPermissions(command, argv);
  const { run, args } = parseCommand(command, argv);
  return await run(args);
}
