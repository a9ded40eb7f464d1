import { messageOf } from "../lib/coded_error.ts";
import { reportsDir, type WorkerReport } from "./worker_report.ts";

const INTERVAL_MS = 1_000;

/** Files of workers that were killed are removed after so long; until then `status` shows when they were last seen. */
const FORGET_AFTER_MS = 3_600_000;

/** What the worker itself knows; the rest is added. */
export type OwnReport = Omit<WorkerReport, "format" | "host" | "pid" | "startedAt" | "updatedAt">;

/**
 * Writes how a worker is to a file of its own, every second, whole: under a temporary name, which is then renamed. What goes
 * wrong is said once, and never touches the work.
 */
export class WorkerReportFile implements AsyncDisposable {
  readonly #host: string;
  readonly #name: string;
  readonly #own: () => OwnReport;
  readonly #onError: (reason: string) => void;
  readonly #startedAt = new Date().toISOString();
  #timer: ReturnType<typeof setInterval> | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;

  private constructor(host: string, name: string, own: () => OwnReport, onError: (reason: string) => void) {
    this.#host = host;
    this.#name = name;
    this.#own = own;
    this.#onError = onError;
  }

  /**
   * Begins to write. Resolves when the first report is there, or can't be.
   *
   * @param own What to write.
   * @param onError Told once, and why.
   * @returns To be closed when the worker ends: the file goes with it.
   */
  static async start(own: () => OwnReport, onError: (reason: string) => void): Promise<WorkerReportFile> {
    const host = await hostName();
    const name = `${host}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.json`;
    const file = new WorkerReportFile(host, name, own, onError);
    await file.#begin().catch((error) => file.#say(error));
    return file;
  }

  /** Stops, and removes the file. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    for (const path of [this.#temporary, this.#file]) await Deno.remove(path).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #file(): string {
    return `${reportsDir()}/${this.#name}`;
  }

  get #temporary(): string {
    return `${this.#file}.tmp`;
  }

  async #begin(): Promise<void> {
    await requirePermissions();
    await Deno.mkdir(reportsDir(), { recursive: true });
    await forgetOld();
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
    await this.#tick();
  }

  #tick(): Promise<void> {
    return this.#writing ??= this.#write().catch((error) => this.#say(error)).finally(() =>
      this.#writing = undefined
    );
  }

  async #write(): Promise<void> {
    const report: WorkerReport = {
      format: 1,
      host: this.#host,
      pid: Deno.pid,
      startedAt: this.#startedAt,
      updatedAt: new Date().toISOString(),
      ...this.#own(),
    };
    await Deno.writeTextFile(this.#temporary, JSON.stringify(report) + "\n");
    await Deno.rename(this.#temporary, this.#file);
  }

  #say(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onError(messageOf(error));
  }
}

/** Where they are not granted already, a question each second would hold up the work. */
async function requirePermissions(): Promise<void> {
  for (const name of ["read", "write"] as const) {
    const { state } = await Deno.permissions.query({ name, path: reportsDir() });
    if (state !== "granted") throw new Error(`needs --allow-${name} for ${reportsDir()}`);
  }
}

async function hostName(): Promise<string> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "hostname" });
  return state === "granted" ? Deno.hostname().replace(/[^A-Za-z0-9.-]/g, "-") : "localhost";
}

async function forgetOld(): Promise<void> {
  for await (const { name } of Deno.readDir(reportsDir())) {
    const path = `${reportsDir()}/${name}`;
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > FORGET_AFTER_MS) await Deno.remove(path).catch(() => {});
  }
}
