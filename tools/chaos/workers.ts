import { sleep } from "../../lib/sleep.ts";
import { WorkerProcess } from "../worker_process.ts";
import type { Counts } from "./counted_http.ts";
import { keepPageOpen } from "./open_page.ts";
import type { ChaosMessage, WorkerSettings } from "./worker.ts";

const PROGRAM = new URL("./worker.ts", import.meta.url);

/** One worker process. */
class ChaosProcess extends WorkerProcess<ChaosMessage> {
  /** Whether it is being ended on purpose. */
  expected = false;

  constructor(
    readonly name: string,
    directory: string,
    settings: WorkerSettings,
    onMessage: (message: ChaosMessage) => void,
  ) {
    super(PROGRAM, settings, onMessage, `${directory}/${name}.log`);
  }
}

/**
 * The worker processes of a run. Faults reach them from outside, as signals; only those of the model are
 * commands.
 */
export class Workers implements AsyncDisposable {
  /**
   * Processes that ended unexpectedly, did not drain, sent a batch to a Worker over its memory limit, or counted
   * wrong: each is a violation.
   */
  readonly crashes: string[] = [];
  /** Workers that were replaced because they exceeded their memory limit. */
  replaced = 0;
  /** Images that the metrics of the drained processes have counted; 0 without HTTP. */
  counted = 0;
  /** How long each exchange of the version took, in milliseconds. */
  readonly exchanges: number[] = [];
  /** Versions that were refused. */
  refused = 0;
  readonly #directory: string;
  readonly #settings: WorkerSettings;
  readonly #running: ChaosProcess[] = [];
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
    const worker = new ChaosProcess(
      name,
      this.#directory,
      this.#settings,
      (message) => this.#record(name, message),
    );
    this.#running.push(worker);
    void worker.ended.then((status) => this.#hasEnded(worker, status));
    await worker.serving;
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

  #record(name: string, message: ChaosMessage): void {
    if (message.type === "ready" && message.page !== null) void keepPageOpen(message.page);
    if (message.type === "replaced") this.replaced++;
    if (message.type === "refused") this.refused++;
    if (message.type === "exchanged") this.exchanges.push(message.tookMs);
    if (message.type === "overgrown") {
      this.crashes.push(`${name} sent a batch to a Worker over its memory limit`);
    }
    if (message.type === "drained" && message.counts !== null) this.#compare(name, message.counts);
  }

  #compare(name: string, { scraped, stored }: Counts): void {
    this.counted += scraped;
    if (scraped === stored) return;
    this.crashes.push(`${name} has stored ${stored} images, and its metrics count ${scraped}`);
  }

  #at(target: number): ChaosProcess {
    const worker = this.#running[target % this.#running.length];
    if (worker) return worker;
    throw new Error("There is no worker process");
  }

  #take(target: number): ChaosProcess {
    const worker = this.#at(target);
    worker.expected = true;
    this.#running.splice(this.#running.indexOf(worker), 1);
    return worker;
  }

  #hasEnded(worker: ChaosProcess, { code, signal }: Deno.CommandStatus): void {
    if (worker.expected) return;
    this.#running.splice(this.#running.indexOf(worker), 1);
    this.crashes.push(`${worker.name} ended unexpectedly with ${signal ?? code}`);
  }
}
