/**
 * The command line: `imagebus COMMAND`. The commands are in cli/commands.ts.
 *
 * @module
 */
import { type Command, UsageError } from "./cli/command.ts";
import { COMMANDS, loadAll } from "./cli/commands.ts";
import { exitFor } from "./cli/exit.ts";
import { runCommand } from "./cli/run_command.ts";
import { overview } from "./cli/ui/help.ts";
import { didYouMean } from "./lib/suggestion.ts";
import { printable } from "./lib/printable.ts";
import { logError, print } from "./cli/ui/terminal.ts";
import config from "./deno.json" with { type: "json" };

async function main([name = "--help", ...argv]: readonly string[]): Promise<number> {
  let command: Command | undefined;
  try {
    if (name === "--version" || name === "-V") return showVersion();
    if (name === "help" && argv.length > 0) return await main([argv[0]!, "--help"]);
    if (name === "--help" || name === "-h" || name === "help") return await showOverview();
    command = await load(name);
    return await runCommand(command, argv, loadAll);
  } catch (error) {
    const { code, message } = await exitFor(error, command);
    if (message) logError(`imagebus: ${message.split("\n").map(printable).join("\n")}`);
    return code;
  }
}

function showVersion(): number {
  print(`imagebus ${config.version} (Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch})`);
  return 0;
}

async function showOverview(): Promise<number> {
  print(overview(await loadAll()));
  return 0;
}

const HINT = ": imagebus help lists the commands";

function load(name: string): Promise<Command> {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found) return found();
  throw new UsageError(`Unknown command "${name}"${didYouMean(name, Object.keys(COMMANDS)) || HINT}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
