import { spawnWorker } from "../../testing/harness/spawn_worker.ts";
import { TextLineStream } from "../../testing/harness/text_line_stream.ts";
/**
 * A worker process of a tool. It prints one JSON object per line, the first when it serves, and drains when its standard
 * input ends.
 */
export class WorkerProcess<Message> implements AsyncDisposable {
  /** Rejects if it ends unexpectedly. Never resolves. */
  readonly failed: Promise<never>;
  readonly #process: Deno.ChildProcess;
  readonly #serving = Promise.withResolvers<void>();
  readonly #reading: Promise<unknown>;
  readonly #onMessage: (message: Message) => void;
  #stopped = false;

  private constructor(program: URL, settings: unknown, onMessage: (message: Message) => void) {
    this.#onMessage = onMessage;
    this.#process = spawnWorker(program, settings, { stdin: "piped", stderr: "inherit" });
    this.#reading = this.#listen();
    this.failed = this.#process.status.then(({ code, signal }) => {
      if (this.#stopped) return new Promise(() => {});
      throw new Error(`The worker process ended unexpectedly with ${signal ?? code}`);
    });
    this.failed.catch(() => {});
  }

  /**
   * Starts it. Resolves when it serves.
   *
   * @param program What it runs.
   * @param settings Its only argument, as JSON.
   * @param onMessage Called with each object that it prints.
   * @throws {Error} If it ends instead; its output is on standard error.
   */
  static async start<Message>(
    program: URL,
    settings: unknown,
    onMessage: (message: Message) => void,
  ): Promise<WorkerProcess<Message>> {
    const worker = new WorkerProcess(program, settings, onMessage);
    await Promise.race([worker.#serving.promise, worker.failed]);
    return worker;
  }

  /** Drains it. Resolves when it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#process.stdin.close().catch(() => {});
    await this.#process.status;
    await this.#reading;
  }

  async #listen(): Promise<void> {
    for await (const line of this.#process.stdout.pipeThrough(new TextLineStream())) {
      this.#onMessage(JSON.parse(line));
      this.#serving.resolve();
    }
  }
}
