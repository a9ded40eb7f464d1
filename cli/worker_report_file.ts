import { findStateDir } from "../bus/state_dir.ts";
import { messageOf } from "../lib/coded_error.ts";
import { reportsDir, type WorkerReport } from "./worker_report.ts";

const INTERVAL_MS = 1_000;

/** After this time the files of killed processes are removed; until then `status` shows when they were last seen. */
const REMOVE_AFTER_MS = 3_600_000;

/** The part of a report that the service supplies. */
export type OwnReport = Omit<WorkerReport, "format" | "host" | "pid" | "startedAt" | "updatedAt">;

/** The file of this process; disposing of it removes the file. */
export interface OwnReportFile extends AsyncDisposable {
  /** Removes it at once, before the process is ended. */
  removeNow(): void;
}

/**
 * Writes the report of this process to a file of its own every second, atomically: under a temporary name that is then
 * renamed. Errors never disturb the service. Resolves when the first report is written, or has failed.
 *
 * @param own Returns the current state.
 * @param onError Receives the reason of the first error, and of the first one after it has recovered.
 * @param onRecovered Called when a report is written after an error.
 * @returns To be disposed of when the service stops; that removes the file.
 */
export async function writeReports(
  own: () => OwnReport,
  onError: (reason: string) => void,
  onRecovered: () => void = () => {},
): Promise<OwnReportFile> {
  if (findStateDir() === undefined) {
    onError("there is no state directory; set IMAGEBUS_STATE_DIR");
    return { removeNow() {}, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const host = await hostName();
  const startedAt = new Date().toISOString();
  const file = `${reportsDir()}/${host}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.json`;
  const temporary = `${file}.tmp`;
  let hasFailed = false;
  const fail = (error: unknown) => {
    if (!hasFailed) onError(messageOf(error));
    hasFailed = true;
  };
  const write = async () => {
    const updatedAt = new Date().toISOString();
    const report: WorkerReport = { format: 1, host, pid: Deno.pid, startedAt, updatedAt, ...own() };
    await Deno.writeTextFile(temporary, JSON.stringify(report) + "\n");
    await Deno.rename(temporary, file);
    if (hasFailed) onRecovered();
    hasFailed = false;
  };
  let writing: Promise<void> | undefined;
  const tick = () => writing ??= write().catch(fail).finally(() => writing = undefined);
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    await requirePermissions();
    await Deno.mkdir(reportsDir(), { recursive: true });
    await removeOld();
    timer = setInterval(tick, INTERVAL_MS);
    await tick();
  } catch (error) {
    fail(error);
  }
  return {
    removeNow() {
      for (const path of [temporary, file]) {
        try {
          Deno.removeSync(path);
        } catch {
          // The next worker process removes it.
        }
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await writing;
      for (const path of [temporary, file]) await Deno.remove(path).catch(() => {});
    },
  };
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
    if (mtime && Math.abs(Date.now() - mtime.getTime()) > REMOVE_AFTER_MS) {
      await Deno.remove(path).catch(() => {});
    }
  }
}
