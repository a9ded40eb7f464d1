import { sleep } from "../../lib/sleep.ts";
import { spawnWorker } from "../../testing/harness/spawn_worker.ts";
import { TextLineStream } from "../../testing/harness/text_line_stream.ts";
import { OVERGROWN, READY, REPLACED, type WorkerSettings } from "./worker.ts";

const PROGRAM = new URL("./worker.ts", import.meta.url);

/** One worker process. */
class WorkerProcess {
  readonly name: string;
  readonly ready: Promise<void>;
  readonly ended: Promise<Deno.CommandStatus>;
  /** Whether its end was meant. */
  expected = false;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #logFile: string;
  readonly #hear: (line: string) => void;

  constructor(name: string, directory: string, settings: WorkerSettings, hear: (line: string) => void) {
    this.name = name;
    this.#hear = hear;
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

  /** What it does not read any more, because it has just ended, is of no use to it. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  async #listen(serving: () => void): Promise<void> {
    for await (const line of this.#process.stdout.pipeThrough(new TextLineStream())) {
      if (line === READY) serving();
      else this.#hear(line);
    }
  }

  async #end(reject: (error: Error) => void): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await this.#reading;
    await this.#input.close().catch(() => {});
    const log = (await Deno.readTextFile(this.#logFile).catch(() => "")).trim().split("\n").slice(-8);
    reject(new Error(`${this.name} ended before it served: ${log.join("\n")}`));
    return status;
  }
}

/** The worker processes of a run. What is done to them is done from outside, by signals, except what a model shall do. */
export class Workers implements AsyncDisposable {
  /**
   * Those that ended though nobody ended them, those that did not drain, and those that gave more work to a Worker that had
   * grown past its bound. A promise is broken when there is one.
   */
  readonly crashes: string[] = [];
  /** How many Workers were replaced because they had grown past their bound. */
  replaced = 0;
  readonly #directory: string;
  readonly #settings: WorkerSettings;
  readonly #running: WorkerProcess[] = [];
  #started = 0;

  /**
   * @param directory Where their logs go.
   * @param settings What each is started with.
   */
  constructor(directory: string, settings: WorkerSettings) {
    this.#directory = directory;
    this.#settings = settings;
  }

  /** How many there are. */
  get count(): number {
    return this.#running.length;
  }

  /** Starts one more, and waits until it serves. */
  async add(): Promise<void> {
    const name = `worker-${++this.#started}`;
    const hear = (line: string) => this.#hear(name, line);
    const worker = new WorkerProcess(name, this.#directory, this.#settings, hear);
    this.#running.push(worker);
    void worker.ended.then((status) => this.#hasEnded(worker, status));
    await worker.ready;
  }

  /** The most memory that each Worker of theirs may have, in MiB. */
  get maxWorkerMemoryMb(): number {
    return this.#settings.maxWorkerMemoryMb;
  }

  /** Sends SIGTERM to one, and waits until it has drained. */
  async remove(target: number): Promise<void> {
    const worker = this.#take(target);
    worker.signal("SIGTERM");
    const { code, signal } = await worker.ended;
    if (code !== 0) this.crashes.push(`${worker.name} did not drain: it ended with ${signal ?? code}`);
  }

  /** Sends SIGKILL to one. */
  async kill(target: number): Promise<void> {
    const worker = this.#take(target);
    worker.signal("SIGKILL");
    await worker.ended;
  }

  /** Stops one for so many milliseconds: it notices nothing, the others do. */
  async freeze(target: number, ms: number): Promise<void> {
    const worker = this.#at(target);
    worker.signal("SIGSTOP");
    await sleep(ms);
    worker.signal("SIGCONT");
  }

  /** Tells one what its model shall do. */
  async tell(target: number, line: string): Promise<void> {
    await this.#at(target).tell(line);
  }

  /** Drains all. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map((_, i) => i).map(() => this.remove(0)));
  }

  /** Kills what is still there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((_, i) => i).map(() => this.kill(0)));
  }

  #hear(name: string, line: string): void {
    if (line === REPLACED) this.replaced++;
    if (line === OVERGROWN) {
      this.crashes.push(`${name} gave a batch to a Worker that had grown past its bound`);
    }
  }

  #at(target: number): WorkerProcess {
    const worker = this.#running[target % this.#running.length];
    if (worker) return worker;
    throw new Error("No worker process is left");
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
    this.crashes.push(`${worker.name} ended by itself with ${signal ?? code}`);
  }
}
