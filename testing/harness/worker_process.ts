import { cpuOf, memoryOf } from "./proc.ts";
import { linesOf } from "./lines.ts";

const ROOT = new URL("../../", import.meta.url);

/** The command of `deno task worker`, without `deno`. */
export async function workerCommand(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  return tasks.worker.command.split(" ").slice(1);
}

export interface WorkerProcessOptions {
  /** URL of the bus. */
  readonly bus: string;
  /** Directory of its state and its results. */
  readonly directory: string;
  /** More arguments of `imagebus worker`. */
  readonly args?: readonly string[];
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A worker process as `deno task worker` starts it, but without a shell in between, so that it can be killed.
 */
export class WorkerProcess implements AsyncDisposable {
  /** Lines of standard output so far. */
  readonly output: string[] = [];
  /** Lines of standard error so far, without time and level. */
  readonly log: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  private constructor(process: Deno.ChildProcess, onLog: (line: string) => void) {
    this.#process = process;
    this.#reading = Promise.all([
      collect(process.stdout, (line) => this.output.push(line)),
      collect(process.stderr, (timed) => {
        const line = timed.replace(/^\d{4}-\S+Z [A-Z]+ +/, "");
        this.log.push(line);
        onLog(line);
      }),
    ]);
  }

  /**
   * Starts a worker process and waits until it serves.
   *
   * @throws {Error} With its standard error, if it ends instead.
   */
  static async start({ bus, directory, args = [], env }: WorkerProcessOptions): Promise<WorkerProcess> {
    const own = ["--bus", bus, ...args];
    const process = new Deno.Command(Deno.execPath(), {
      args: [...await workerCommand(), ...own],
      cwd: ROOT,
      env: { ...env, IMAGEBUS_STATE_DIR: directory },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const serving = Promise.withResolvers<void>();
    const worker = new WorkerProcess(process, (line) => line.startsWith("Press Ctrl-C") && serving.resolve());
    const ended = process.status.then(async () => {
      await worker.#reading;
      throw new Error(`The worker process ended: ${worker.log.join("\n")}`);
    });
    await Promise.race([serving.promise, ended]);
    ended.catch(() => {});
    return worker;
  }

  /** Resident memory, in bytes (Linux). */
  async memory(): Promise<number> {
    return await memoryOf(this.#process.pid, "VmRSS");
  }

  /** CPU time since its start, in seconds (Linux). */
  async cpu(): Promise<number> {
    return await cpuOf(this.#process.pid);
  }

  /** Sends a signal; SIGINT drains it. */
  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /**
   * Waits until it has ended.
   *
   * @returns The exit code.
   */
  async ended(): Promise<number> {
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  /** Kills it (SIGKILL). */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  /** Drains it, unless it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGINT");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  for await (const line of linesOf(stream)) onLine(line);
}
