import { sleep } from "../../lib/sleep.ts";
import { spawnWorker } from "../../testing/harness/spawn_worker.ts";
import { TextLineStream } from "../../testing/harness/text_line_stream.ts";
import { lastLines } from "../../testing/brokers/server_process.ts";
import { OVERGROWN, READY, REPLACED, type WorkerSettings } from "./worker.ts";

const PROGRAM = new URL("./worker.ts", import.meta.url);

/** One worker process. */
class WorkerProcess {
  readonly name: string;
  readonly ready: Promise<void>;
  readonly ended: Promise<Deno.CommandStatus>;
  /** Whether it is being ended on purpose. */
  expected = false;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #logFile: string;
  readonly #onLine: (line: string) => void;

  constructor(name: string, directory: string, settings: WorkerSettings, onLine: (line: string) => void) {
    this.name = name;
    this.#onLine = onLine;
    this.#process = spawnWorker(PROGRAM, settings, { stdin: "piped", stderr: "piped" });
    this.#input = this.#process.stdin.getWriter();
    this.#logFile = `${directory}/${name}.log`;
    const log = Deno.openSync(this.#logFile, { create: true, append: true });
    const serving = Promise.withResolvers<void>();
    this.ready = serving.promise;
    this.ready.catch(() => {});
    this.#reading = Promise.all([this.#process.stderr.pipeTo(log.writable), this.#listen(serving.resolve)]);
    this.ended = this.#end(serving.reject);
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async command(line: string): Promise<void> {
    // It can have ended in between.
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  async #listen(serving: () => void): Promise<void> {
    for await (const line of this.#process.stdout.pipeThrough(new TextLineStream())) {
      if (line === READY) serving();
      else this.#onLine(line);
    }
  }

  async #end(reject: (error: Error) => void): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await this.#reading;
    await this.#input.close().catch(() => {});
    reject(new Error(`${this.name} ended before it served: ${await lastLines(this.#logFile)}`));
    return status;
  }
}

/**
 * The worker processes of a run. Faults reach them from outside, as signals; only those of the model are
 * commands.
 */
export class Workers implements AsyncDisposable {
  /**
   * Processes that ended unexpectedly, did not drain, or sent a batch to a Worker over its memory limit: each
   * is a violation.
   */
  readonly crashes: string[] = [];
  /** Workers that were replaced because they exceeded their memory limit. */
  replaced = 0;
  readonly #directory: string;
  readonly #settings: WorkerSettings;
  readonly #running: WorkerProcess[] = [];
  #started = 0;

  /**
   * @param directory Directory of their logs.
   * @param settings Settings of each process.
   */
  constructor(directory: string, settings: WorkerSettings) {
    this.#directory = directory;
    this.#settings = settings;
  }

  /** Number of running processes. */
  get count(): number {
    return this.#running.length;
  }

  /** Starts a process, and waits until it serves. */
  async add(): Promise<void> {
    const name = `worker-${++this.#started}`;
    const onLine = (line: string) => this.#record(name, line);
    const worker = new WorkerProcess(name, this.#directory, this.#settings, onLine);
    this.#running.push(worker);
    void worker.ended.then((status) => this.#hasEnded(worker, status));
    await worker.ready;
  }

  /** Sends SIGTERM to a process, and waits until it has drained. */
  async remove(target: number): Promise<void> {
    const worker = this.#take(target);
    worker.signal("SIGTERM");
    const { code, signal } = await worker.ended;
    if (code !== 0) this.crashes.push(`${worker.name} did not drain: it ended with ${signal ?? code}`);
  }

  /** Sends SIGKILL to a process. */
  async kill(target: number): Promise<void> {
    const worker = this.#take(target);
    worker.signal("SIGKILL");
    await worker.ended;
  }

  /** Stops a process for `ms` milliseconds, without it noticing. */
  async freeze(target: number, ms: number): Promise<void> {
    const worker = this.#at(target);
    worker.signal("SIGSTOP");
    await sleep(ms);
    worker.signal("SIGCONT");
  }

  /** Sends a command to the model of a process. */
  async command(target: number, line: string): Promise<void> {
    await this.#at(target).command(line);
  }

  /** Drains all processes. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map((_, i) => i).map(() => this.remove(0)));
  }

  /** Kills the remaining processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((_, i) => i).map(() => this.kill(0)));
  }

  #record(name: string, line: string): void {
    if (line === REPLACED) this.replaced++;
    if (line === OVERGROWN) {
      this.crashes.push(`${name} sent a batch to a Worker over its memory limit`);
    }
  }

  #at(target: number): WorkerProcess {
    const worker = this.#running[target % this.#running.length];
    if (worker) return worker;
    throw new Error("There is no worker process");
  }

  #take(target: number): WorkerProcess {
    const worker = this.#at(target);
    worker.expected = true;
    this.#running.splice(this.#running.indexOf(worker), 1);
    return worker;
  }

  #hasEnded(worker: WorkerProcess, { code, signal }: Deno.CommandStatus): void {
    if (worker.expected) return;
    this.#running.splice(this.#running.indexOf(worker), 1);
    this.crashes.push(`${worker.name} ended unexpectedly with ${signal ?? code}`);
  }
}
