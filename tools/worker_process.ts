import { lastLines } from "../testing/brokers/server_process.ts";
import { linesOf } from "../testing/harness/lines.ts";
import { spawnWorker } from "../testing/harness/spawn_worker.ts";

/**
 * A worker process of a tool. It prints one JSON value per line, the first when it serves, and ends when its standard input
 * ends.
 */
export class WorkerProcess<Message> implements AsyncDisposable {
  /** Resolves when it serves; rejects if it ends before. */
  readonly serving: Promise<void>;
  /** Resolves when it has ended, and all that it has printed was read. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Rejects when it has ended. Never resolves. */
  readonly failed: Promise<never>;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /**
   * Starts it.
   *
   * @param program What it runs.
   * @param settings Its only argument, as JSON.
   * @param onMessage Called with each value that it prints.
   * @param logFile Its standard error is appended to this file, or is that of this process.
   */
  constructor(program: URL, settings: unknown, onMessage: (message: Message) => void, logFile?: string) {
    const stdio = { stdin: "piped", stderr: logFile === undefined ? "inherit" : "piped" } as const;
    this.#process = spawnWorker(program, settings, stdio);
    this.#input = this.#process.stdin.getWriter();
    const serving = Promise.withResolvers<void>();
    const reading = Promise.all([
      this.#listen((message) => {
        serving.resolve();
        onMessage(message);
      }),
      logFile && this.#process.stderr.pipeTo(Deno.openSync(logFile, { create: true, append: true }).writable),
    ]);
    this.ended = this.#process.status.then(async (status) => {
      await reading;
      await this.#input.close().catch(() => {});
      return status;
    });
    this.failed = this.ended.then(async ({ code, signal }) => {
      const log = logFile === undefined ? "" : `: ${await lastLines(logFile)}`;
      throw new Error(`The worker process ended unexpectedly with ${signal ?? code}${log}`);
    });
    this.serving = Promise.race([serving.promise, this.failed]);
    for (const promise of [this.failed, this.serving]) promise.catch(() => {});
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Writes a line to its standard input. */
  async command(line: string): Promise<void> {
    // It can have ended in between.
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  /** Ends its standard input. Resolves when it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.ended;
  }

  async #listen(onMessage: (message: Message) => void): Promise<void> {
    for await (const line of linesOf(this.#process.stdout)) onMessage(JSON.parse(line));
  }
}
