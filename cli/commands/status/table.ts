import type { ServiceHealth } from "../../../actors/health.ts";
import type { ModelStatus } from "../../../actors/workers/status.ts";
import { plural } from "../../../lib/plural.ts";
import type { BusStatus } from "./bus.ts";
import { bold, columns, dim, green, red } from "../../ui/terminal.ts";
import type { FoundReport } from "../../worker_report.ts";

/** One line per worker process, silent processes included; below them the reasons why one is not ready. */
export function workersTable(reports: readonly FoundReport[]): string {
  const waiting = reports.filter(({ silent, health }) => !silent && health.state === "not ready");
  return [
    columns([WORKERS.map(bold), ...reports.map(toWorkerCells)]),
    ...waiting.map(({ pid, health }) =>
      columns([[red(`${pid} is not ready: ${health.reasons.join("; ")}`)]])
    ),
  ].join("\n");
}

/** One line per model of the running worker processes; below them the reasons why one is not up. */
export function modelsTable(reports: readonly FoundReport[]): string {
  const rows = reports.flatMap(({ pid, models }) => models.map((model) => ({ pid, model })));
  const shown = Object.entries(MODELS).map(([head, cell]) => ({ head, cells: rows.map(cell) }))
    .filter(({ head, cells }) => !HIDDEN_IF_ZERO.has(head) || cells.some((cell) => cell !== "0"));
  const lines = rows.map((_, i) => shown.map(({ cells }) => cells[i]!));
  const reasons = rows.flatMap((
    { model },
  ) => [...model.state === "up" ? [] : [why(model)], ...versionsOf(model)]);
  return [columns([shown.map(({ head }) => bold(head)), ...lines]), ...reasons].join("\n");
}

/** The lag on a bus, one line per topic; topics that have always been empty are left out. */
export function busTable({ url, group, topics, lag, deadLetters }: BusStatus): string {
  const used = topics.filter(({ partitions }) => partitions.some(({ end }) => end > 0));
  const rows = used.map(({ topic, lag, partitions }) => [
    topic,
    number(lag),
    dim(partitions.map(({ lag }) => lag).join(" ")),
  ]);
  const letters = plural(deadLetters, "dead letter", number(deadLetters));
  const total = `group ${group}: ${number(lag)} waiting, ${letters}`;
  return [
    columns([[bold(url), deadLetters > 0 ? red(total) : total]]),
    ...used.length > 0 ? [columns([LAGS.map(bold), ...rows])] : [],
  ].join("\n");
}

const WORKERS = ["host", "pid", "state", "since", "MB", "in flight", "group", "bus"];

function toWorkerCells(report: FoundReport): string[] {
  const { host, pid, ageMs, silent, startedAt, memoryBytes, health, models, group, bus } = report;
  return [
    host,
    String(pid),
    silent ? red(silence(ageMs)) : stateOf(health),
    localTime(startedAt),
    megabytes(memoryBytes),
    number(sum(models, ({ inFlight }) => inFlight)),
    group,
    bus,
  ];
}

/** That a process is silent, and for how long. */
export function silence(ageMs: number): string {
  const seconds = Math.round(Math.abs(ageMs) / 1_000);
  return ageMs < 0 ? `silent: its report is ${seconds} s ahead of the clock` : `silent for ${seconds} s`;
}

function stateOf({ state }: ServiceHealth): string {
  return state === "ready" ? green(state) : red(state);
}

interface ModelRow {
  readonly pid: number;
  readonly model: ModelStatus;
}

/** Columns that are all 0 in good times are hidden then. */
const HIDDEN_IF_ZERO = new Set(["restarts", "replaced"]);

const MODELS: Readonly<Record<string, (row: ModelRow) => string>> = {
  model: ({ model }) => model.model,
  version: ({ model }) => model.version,
  pid: ({ pid }) => String(pid),
  state: ({ model: { state } }) => state === "up" ? green(state) : red(state),
  Workers: ({ model }) => countStates(model),
  restarts: ({ model }) => number(sum(model.workers, ({ restarts }) => restarts)),
  replaced: ({ model }) => number(sum(model.workers, ({ replacements }) => replacements)),
  images: ({ model }) => number(sum(model.workers, ({ images }) => images)),
  failed: ({ model }) => number(sum(model.workers, ({ failures }) => failures)),
  "in flight": ({ model }) => number(model.inFlight),
  MB: ({ model }) => megabytes(sum(model.workers, ({ memoryBytes }) => memoryBytes ?? 0)),
};

function countStates({ workers }: ModelStatus): string {
  const states = Map.groupBy(workers, ({ state }) => state);
  return [...states].map(([state, { length }]) => `${length} ${state}`).sort().join(", ");
}

function why({ model, state, since, reason, nextTryAt }: ModelStatus): string {
  const next = nextTryAt === null ? "" : `, next start at ${localTime(nextTryAt)}`;
  return columns([[red(`${model} is ${state} since ${localTime(since)}${next}: ${reason}`)]]);
}

function driftIndices({ label, confidence, image }: ModelStatus["drift"]): string {
  const indices = { classes: label, confidence, images: image };
  return Object.entries(indices).flatMap(([of, index]) =>
    typeof index === "number" ? [`${of} ${index.toFixed(2)}`] : []
  ).join(", ");
}

/** What is tried or refused, and drift; a report of an older worker has none of them. */
function versionsOf({ model, candidates = [], refused = [], drift }: ModelStatus): string[] {
  const lines = [
    ...candidates.map(({ role, version, percent, state }) =>
      `${role} of ${model}: ${version}, ${percent} % of the images, ${state}`
    ),
    ...refused.map(({ version, reason }) => red(`${model} ${version} is refused: ${reason}`)),
    ...drift?.state === "warning" || drift?.state === "alarm"
      ? [
        red(
          `drift of ${model}: ${drift.state} (index of ${driftIndices(drift)})`,
        ),
      ]
      : [],
  ];
  return lines.map((line) => columns([[line]]));
}

const LAGS = ["topic", "waiting", "per partition"];

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function megabytes(bytes: number): string {
  return number(Math.round(bytes / 2 ** 20));
}

function localTime(time: string): string {
  return new Date(time).toLocaleString("sv");
}
