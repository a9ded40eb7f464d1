import { isAbsolute, resolve } from "node:path";
import { explainFileError } from "../lib/file_errors.ts";
import { ifFound } from "../lib/if_found.ts";
import { JsonFields } from "../lib/json_fields.ts";
import { stateDir } from "../bus/state_dir.ts";
import type { ServiceHealth } from "../actors/health.ts";
import type { ModelStatus } from "../actors/workers/status.ts";
import { logError } from "./ui/terminal.ts";

/** The state of a worker process, written every second for `imagebus status` in another terminal. */
export interface WorkerReport {
  /** Version of this format. */
  readonly format: 1;
  /** Host name, or `localhost` without the permission to read it. */
  readonly host: string;
  /** Process id. */
  readonly pid: number;
  /** When it started, ISO 8601 in UTC. */
  readonly startedAt: string;
  /** When the report was written, ISO 8601 in UTC. */
  readonly updatedAt: string;
  /** URL of its bus, without credentials; the path of an embedded one is absolute. */
  readonly bus: string;
  /** Consumer group. */
  readonly group: string;
  /** Resident memory of the process, its Workers included, in bytes. */
  readonly memoryBytes: number;
  /** Health of the service. */
  readonly health: ServiceHealth;
  /** Status of each model. */
  readonly models: readonly ModelStatus[];
}

/** A report that was read. */
export interface FoundReport extends WorkerReport {
  /** Age of the report, in milliseconds; negative where it is from the future, because a clock was set back. */
  readonly ageMs: number;
  /** Whether ten reports are missing: the process was killed, or is blocked. A report from the future proves nothing. */
  readonly silent: boolean;
}

const SILENT_AFTER_MS = 10_000;

/** Directory of the reports of this machine. */
export function reportsDir(): string {
  return `${stateDir()}/workers`;
}

/** The URL of a bus, with an absolute path. */
export function absoluteBus(url: string): string {
  const path = url.startsWith("sqlite:") ? url.slice("sqlite:".length) : null;
  return path === null || isAbsolute(path) ? url : `sqlite:${resolve(path)}`;
}

/**
 * Reads the reports of all worker processes of this machine, on all buses. One that cannot be read is logged and left out.
 *
 * @param now Milliseconds since 1970-01-01 UTC.
 * @returns In the order in which the processes were started; without reports of another version.
 */
export async function readReports(now: number = Date.now()): Promise<FoundReport[]> {
  const reports = await Promise.all((await namesIn(reportsDir())).map((name) => readReport(name)));
  return reports.filter((report) => report !== null).sort(byStart).map((report) => {
    const ageMs = now - Date.parse(report.updatedAt);
    return { ...report, ageMs, silent: Math.abs(ageMs) > SILENT_AFTER_MS };
  });
}

/**
 * Parses a report.
 *
 * @param text Content of a file.
 * @returns `null` when it is malformed, or of another version.
 */
export function parseReport(text: string): WorkerReport | null {
  try {
    const report = JSON.parse(text);
    checkReport(new JsonFields(report, "a report", (message) => new Error(message)));
    return report;
  } catch {
    return null;
  }
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const MAX_ITEMS = 10_000;

/** What is shown, or computed with. */
function checkReport(report: JsonFields): void {
  report.oneOf("format", [1]);
  checkTexts(report, "host", "bus", "group");
  checkTimes(report, "startedAt", "updatedAt");
  checkCounts(report, "pid", "memoryBytes");
  const health = report.object("health");
  checkTexts(health, "state");
  health.list("reasons", 0, MAX_ITEMS);
  health.object("deadLetters");
  report.objects("models", 0, MAX_ITEMS).forEach(checkModel);
}

/** `candidates` and `refused` are missing in a report of an older worker. */
function checkModel(model: JsonFields): void {
  checkTexts(model, "model", "version", "state");
  checkTimes(model, "since");
  if (model.raw("nextTryAt") !== null) checkTimes(model, "nextTryAt");
  checkCounts(model, "inFlight");
  for (const worker of model.objects("workers", 0, MAX_ITEMS)) {
    checkTexts(worker, "state");
    checkCounts(worker, "restarts", "replacements", "images", "failures");
    if (worker.raw("memoryBytes") !== null) checkCounts(worker, "memoryBytes");
  }
  for (const name of ["candidates", "refused"].filter((name) => model.has(name))) {
    for (const version of model.objects(name, 0, MAX_ITEMS)) checkTexts(version, "version");
  }
}

function checkTexts(fields: JsonFields, ...names: readonly string[]): void {
  for (const name of names) fields.text(name, MAX_ITEMS);
}

function checkCounts(fields: JsonFields, ...names: readonly string[]): void {
  for (const name of names) fields.number(name, { min: 0 });
}

function checkTimes(fields: JsonFields, ...names: readonly string[]): void {
  for (const name of names) {
    const time = fields.pattern(name, ISO_TIME, "a time");
    if (Number.isNaN(Date.parse(time))) throw fields.fail(name, time, "must be a time");
  }
}

async function namesIn(dir: string): Promise<string[]> {
  const entries = await ifFound(Array.fromAsync(Deno.readDir(dir))) ?? [];
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".json"));
}

/** Its process can have ended since the directory was read. */
async function readReport(name: string): Promise<WorkerReport | null> {
  const path = `${reportsDir()}/${name}`;
  try {
    const text = await ifFound(Deno.readTextFile(path));
    return text === null ? null : parseReport(text);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    logError(explainFileError("read", path, cause).message);
    return null;
  }
}

function byStart(a: WorkerReport, b: WorkerReport): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.pid - b.pid;
}
