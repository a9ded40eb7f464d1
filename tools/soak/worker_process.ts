import { spawnWorker } from "../../testing/harness/spawn_worker.ts";
import { TextLineStream } from "../../testing/harness/text_line_stream.ts";
import type { WorkerSample, WorkerSettings } from "./worker.ts";

const PROGRAM = new URL("./worker.ts", import.meta.url);

/** The worker process of a soak. */
export class WorkerProcess implements AsyncDisposable {
  /** Rejects if it ends unexpectedly. Never resolves. */
  readonly failed: Promise<never>;
  readonly #process: Deno.ChildProcess;
  readonly #serving = Promise.withResolvers<void>();
  readonly #reading: Promise<unknown>;
  readonly #onSample: (sample: WorkerSample) => void;
  #stopped = false;

  private constructor(settings: WorkerSettings, onSample: (sample: WorkerSample) => void) {
    this.#onSample = onSample;
    this.#process = spawnWorker(PROGRAM, settings, { stdin: "piped", stderr: "inherit" });
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
   * @param settings Settings of the process.
   * @param onSample Called with each sample.
   * @throws {Error} If it ends instead; its output is on standard error.
   */
  static async start(
    settings: WorkerSettings,
    onSample: (sample: WorkerSample) => void,
  ): Promise<WorkerProcess> {
    const worker = new WorkerProcess(settings, onSample);
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
      this.#onSample(JSON.parse(line));
      this.#serving.resolve();
    }
  }
}
