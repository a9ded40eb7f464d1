import { sleep } from "../../lib/sleep.ts";
import { cpuOf } from "../../testing/harness/proc.ts";

const STOP_MS = 10_000;

/** A program that is compared: one or more processes that share the work. */
export interface System {
  /** Unique among the systems. */
  readonly name: string;
  /** The bus that its images come from. */
  readonly bus: "kafka" | "embedded";
  /**
   * The processes of one run.
   *
   * @param group A consumer group that nobody has used.
   * @param results The topic where results go; imagebus has one of its own.
   */
  commands(group: string, results: string): Promise<readonly Command[]>;
  /** Whether results go to `imagebus.results`. */
  readonly isImagebus: boolean;
  /** Whether its network is computed in bytes, so that some labels differ. @default {false} */
  readonly isRounded?: boolean;
}

/** A process. */
export interface Command {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The processes of a run. They end with it. */
export class RunningSystem implements AsyncDisposable {
  readonly #processes: readonly Deno.ChildProcess[];
  readonly #logs: Promise<string[]>;

  /** Starts them. */
  constructor(commands: readonly Command[]) {
    this.#processes = commands.map(({ words: [program, ...args], env = {} }) =>
      new Deno.Command(program!, { args, env, stdin: "null", stdout: "null", stderr: "piped" }).spawn()
    );
    this.#logs = Promise.all(this.#processes.map(({ stderr }) => new Response(stderr).text()));
  }

  /** CPU time so far, in seconds. */
  async cpu(): Promise<number> {
    const times = await Promise.all(this.#processes.map(({ pid }) => cpuOf(pid)));
    return times.reduce((sum, time) => sum + time, 0);
  }

  /** Rejects when one ends, with the end of what it wrote to standard error. */
  async ended(): Promise<never> {
    const { code } = await Promise.race(this.#processes.map(({ status }) => status));
    await this[Symbol.asyncDispose]();
    const log = (await this.#logs).join("\n").trim().split("\n").slice(-5).join("\n");
    throw new Error(`A process ended with code ${code}: ${log}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGTERM");
    const over = new AbortController();
    const ended = Promise.all(this.#processes.map(({ status }) => status));
    await Promise.race([ended, sleep(STOP_MS, over.signal)]);
    over.abort();
    this.#signal("SIGKILL");
    await ended;
    await this.#logs;
  }

  #signal(signal: Deno.Signal): void {
    for (const process of this.#processes) {
      try {
        process.kill(signal);
      } catch {
        // It has ended.
      }
    }
  }
}
