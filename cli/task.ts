/**
 * Runs commands of `deno task`: tools and benchmarks of this repository.
 *
 * @module
 */
import { CodedError } from "../lib/coded_error.ts";
import type { OptionTable } from "../lib/options.ts";
import { type Arguments, type Command, NO_OPERANDS, type SingleCommand, UsageError } from "./command.ts";
import { exitFor } from "./exit.ts";
import { runCommand } from "./run_command.ts";
import { logError } from "./ui/terminal.ts";

/** A command whose permissions are those of its task in deno.json. It takes no operands unless they are described. */
export interface Task<T extends OptionTable>
  extends
    Pick<SingleCommand, "name" | "summary" | "examples" | "terms">,
    Partial<Pick<SingleCommand, "operands">> {
  readonly options: T;
  /**
   * @returns The exit code.
   * @throws Any error: one with a code is reported as one message, others are bugs and keep their stack.
   */
  run(args: Arguments<T>): Promise<number>;
}

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

/** Runs a task with the arguments of this process, or prints its help, and exits with its code. */
export async function runTask<const T extends OptionTable>(task: Task<T>): Promise<never> {
  const command = { operands: NO_OPERANDS, ...task, program: "deno task", permissions: [] } as const;
  Deno.exit(await exitCode(command as unknown as Command));
}

/** Others are bugs. */
const EXPECTED = [Interrupted, UsageError, CodedError, Deno.errors.BrokenPipe];

async function exitCode(command: Command): Promise<number> {
  try {
    return await runCommand(command, Deno.args);
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    const { code, message } = await exitFor(error, command);
    if (message) logError(message);
    return error instanceof Interrupted ? 130 : code;
  }
}
