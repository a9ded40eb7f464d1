import { isAbsolute, resolve } from "node:path";
import { ifFound } from "../lib/if_found.ts";
import { JsonFields } from "../lib/json_fields.ts";
import { stateDir } from "../bus/state_dir.ts";
import type { ServiceHealth } from "../actors/health.ts";
import type { ModelStatus } from "../actors/workers/status.ts";

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
  /** Age of the report, in milliseconds. */
  readonly ageMs: number;
  /** Whether ten reports are missing: the process was killed, or is blocked. */
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
 * Reads the reports of all worker processes of this machine, on all buses.
 *
 * @param now Milliseconds since 1970-01-01 UTC.
 * @returns In the order in which the processes were started; without reports of another version.
 */
export async function readReports(now: number = Date.now()): Promise<FoundReport[]> {
  const reports = await Promise.all((await namesIn(reportsDir())).map((name) => readReport(name)));
  return reports.filter((report) => report !== null).sort(byStart).map((report) => {
    const ageMs = now - Date.parse(report.updatedAt);
    return { ...report, ageMs, silent: ageMs > SILENT_AFTER_MS };
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
  for (const name of ["host", "bus", "group"]) report.text(name, MAX_ITEMS);
  for (const name of ["startedAt", "updatedAt"]) report.pattern(name, ISO_TIME, "a time");
  for (const name of ["pid", "memoryBytes"]) report.number(name, { min: 0 });
  const health = report.object("health");
  health.text("state", MAX_ITEMS);
  health.list("reasons", 0, MAX_ITEMS);
  health.object("deadLetters");
  for (const model of report.objects("models", 0, MAX_ITEMS)) {
    for (const name of ["model", "state"]) model.text(name, MAX_ITEMS);
    model.objects("workers", 0, MAX_ITEMS);
  }
}

async function namesIn(dir: string): Promise<string[]> {
  const entries = await ifFound(Array.fromAsync(Deno.readDir(dir))) ?? [];
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".json"));
}

/** Its process can have ended since the directory was read. */
async function readReport(name: string): Promise<WorkerReport | null> {
  const text = await ifFound(Deno.readTextFile(`${reportsDir()}/${name}`));
  return text === null ? null : parseReport(text);
}

function byStart(a: WorkerReport, b: WorkerReport): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.pid - b.pid;
}
