/**
 * The command line: `imagebus COMMAND`. Each command is a file in cli/ and a line here.
 *
 * @module
 */
import { parseArguments } from "./cli/arguments.ts";
import { type Command, UsageError } from "./cli/command.ts";
import { endingOf } from "./cli/exit.ts";
import { helpOf, overview } from "./cli/ui/help.ts";
import { askForPermissions } from "./cli/permissions.ts";
import { didYouMean } from "./cli/ui/suggestion.ts";
import { print, say } from "./cli/ui/terminal.ts";

/** A command is loaded when it is called, so that `send` does not pay for `train`. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  worker: async () => (await import("./cli/commands/worker/worker.ts")).worker,
  status: async () => (await import("./cli/commands/status/status.ts")).status,
  send: async () => (await import("./cli/commands/send.ts")).send,
  result: async () => (await import("./cli/commands/result.ts")).result,
  results: async () => (await import("./cli/commands/results.ts")).results,
  models: async () => (await import("./cli/commands/models.ts")).models,
  model: async () => (await import("./cli/commands/model.ts")).model,
  "dead-letters": async () => (await import("./cli/commands/dead_letters/dead_letters.ts")).deadLetters,
  topics: async () => (await import("./cli/commands/topics.ts")).topics,
  evaluate: async () => (await import("./cli/commands/evaluate/evaluate.ts")).evaluate,
  "cross-validate": async () => (await import("./cli/commands/cross_validate.ts")).crossValidate,
  train: async () => (await import("./cli/commands/train.ts")).train,
  data: async () => (await import("./cli/commands/data.ts")).data,
  demo: async () => (await import("./cli/commands/demo.ts")).demo,
};

async function main([name = "--help", ...argv]: readonly string[]): Promise<number> {
  let command: Command | undefined;
  try {
    if (name === "--help" || name === "-h" || name === "help") return await showOverview();
    command = await load(name);
    if (argv.includes("--help") || argv.includes("-h")) {
      print(helpOf(command));
      return 0;
    }
    await askForPermissions(command, argv);
    return await command.run(parseArguments(command, argv));
  } catch (error) {
    const { code, message } = await endingOf(error, command);
    if (message) say(`imagebus: ${message}`);
    return code;
  }
}

async function showOverview(): Promise<number> {
  print(overview(await Promise.all(Object.values(COMMANDS).map((load) => load()))));
  return 0;
}

function load(name: string): Promise<Command> {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found) return found();
  throw new UsageError(`There is no command "${name}"${didYouMean(name, Object.keys(COMMANDS))}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
