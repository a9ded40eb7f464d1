import { messageOf } from "../lib/coded_error.ts";
import { reportsDir, type WorkerReport } from "./worker_report.ts";

const INTERVAL_MS = 1_000;

/** After this time the files of killed processes are removed; until then `status` shows when they were last seen. */
const REMOVE_AFTER_MS = 3_600_000;

/** The part of a report that the service supplies. */
export type OwnReport = Omit<WorkerReport, "format" | "host" | "pid" | "startedAt" | "updatedAt">;

/**
 * Writes the report of this process to a file of its own every second, atomically: under a temporary name that is then
 * renamed. The first error is reported; errors never disturb the service.
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
   * Starts writing. Resolves when the first report is written, or has failed.
   *
   * @param own Returns the current state.
   * @param onError Receives the reason of the first error.
   * @returns To be closed when the service stops; that removes the file.
   */
  static async start(own: () => OwnReport, onError: (reason: string) => void): Promise<WorkerReportFile> {
    const host = await hostName();
    const name = `${host}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.json`;
    const file = new WorkerReportFile(host, name, own, onError);
    await file.#begin().catch((error) => file.#report(error));
    return file;
  }

  /** Stops writing, and removes the file. */
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
    await removeOld();
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
    await this.#tick();
  }

  #tick(): Promise<void> {
    return this.#writing ??= this.#write().catch((error) => this.#report(error)).finally(() =>
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

  #report(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onError(messageOf(error));
  }
}

/** Permissions that are not granted yet would be a prompt every second. */
async function requirePermissions(): Promise<void> {
  for (const name of ["read", "write"] as const) {
    const { state } = await Deno.permissions.query({ name, path: reportsDir() });
    if (state !== "granted") throw new Error(`--allow-${name} is missing for ${reportsDir()}`);
  }
}

async function hostName(): Promise<string> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "hostname" });
  return state === "granted" ? Deno.hostname().replace(/[^A-Za-z0-9.-]/g, "-") : "localhost";
}

async function removeOld(): Promise<void> {
  for await (const { name } of Deno.readDir(reportsDir())) {
    const path = `${reportsDir()}/${name}`;
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > REMOVE_AFTER_MS) await Deno.remove(path).catch(() => {});
  }
}
