/**
 * Runs commands of `deno task`: tools and benchmarks of this repository.
 *
 * @module
 */
import { parseCommand } from "./arguments.ts";
import { type Command, type SingleCommand, UsageError } from "./command.ts";
import type { OptionTable } from "../lib/options.ts";
import { helpOf } from "./ui/help.ts";
import { logError, print } from "./ui/terminal.ts";

type ErrorClass = abstract new (...args: never[]) => Error;

/** SIGINT or SIGTERM: exit code 130. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Aborted with {@linkcode Interrupted} by the first SIGINT or SIGTERM. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => controller.abort(new Interrupted("Interrupted")));
  }
  return controller.signal;
}

/**
 * Runs a command with the arguments of this process, or prints its help, and exits with its code.
 *
 * @param command What to run.
 * @param expected Errors that are reported as one message, with exit code 1. Others are bugs: they keep their
 *   stack.
 */
export async function runTask<T extends OptionTable>(
  command: SingleCommand<T>,
  expected: readonly ErrorClass[] = [],
): Promise<never> {
  Deno.exit(await exitCode(command as unknown as Command, expected));
}

async function exitCode(command: Command, expected: readonly ErrorClass[]): Promise<number> {
  try {
    if (Deno.args.includes("--help") || Deno.args.includes("-h")) {
      print(helpOf(command));
      return 0;
    }
    const { run, args } = parseCommand(command, Deno.args);
    return await run(args);
  } catch (error) {
    const code = codeOf(error, expected);
    if (code === undefined) throw error;
    logError((error as Error).message);
    return code;
  }
}

function codeOf(error: unknown, expected: readonly ErrorClass[]): number | undefined {
  if (error instanceof UsageError) return 2;
  if (error instanceof Interrupted) return 130;
  return expected.some((kind) => error instanceof kind) ? 1 : undefined;
}
