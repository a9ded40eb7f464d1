import type { ServiceHealth } from "../../../actors/health.ts";
import type { ModelStatus } from "../../../actors/workers/status.ts";
import { printable } from "../dead_letters/text.ts";
import type { BusStatus } from "./bus.ts";
import { bold, columns, dim, green, red } from "../../ui/terminal.ts";
import type { FoundReport } from "../../worker_report.ts";

/** The workers, a line each: silent ones too, with when they were last seen; and below them why one is not ready. */
export function workersTable(reports: readonly FoundReport[]): string {
  const waiting = reports.filter(({ silent, health }) => !silent && health.state === "not ready");
  return [
    columns([WORKERS.map(bold), ...reports.map(toWorkerCells)]),
    ...waiting.map(({ pid, health }) => red(`${pid} is not ready: ${printable(health.reasons.join("; "))}`)),
  ].join("\n");
}

/** The models of the workers that are alive, a line each, and below them why one is not up. */
export function modelsTable(reports: readonly FoundReport[]): string {
  const models = reports.flatMap(({ pid, models }) => models.map((model) => ({ pid, model })));
  const reasons = models.filter(({ model: { state } }) => state !== "up").map(({ model }) => why(model));
  return [columns([MODELS.map(bold), ...models.map(toModelCells)]), ...reasons].join("\n");
}

/** What waits on a bus, a line a topic. Topics that never held anything are left out. */
export function busTable({ url, group, topics, lag, deadLetters }: BusStatus): string {
  const used = topics.filter(({ partitions }) => partitions.some(({ end }) => end > 0));
  const rows = used.map(({ topic, lag, partitions }) => [
    printable(topic),
    number(lag),
    dim(partitions.map(({ lag }) => lag).join(" ")),
  ]);
  const total = `${number(lag)} waiting, ${number(deadLetters)} dead letters`;
  return [
    `${bold(printable(url))}  group ${printable(group)}: ${deadLetters > 0 ? red(total) : total}`,
    ...used.length > 0 ? [columns([LAGS.map(bold), ...rows])] : [],
  ].join("\n");
}

const WORKERS = ["worker", "pid", "state", "since", "MB", "in flight", "group", "bus"];

function toWorkerCells(report: FoundReport): string[] {
  const { host, pid, ageMs, silent, startedAt, memoryBytes, health, models, group, bus } = report;
  return [
    printable(host),
    String(pid),
    silent ? red(`silent for ${Math.round(ageMs / 1_000)} s`) : stateOf(health),
    localTime(startedAt),
    megabytes(memoryBytes),
    number(sum(models, ({ inFlight }) => inFlight)),
    printable(group),
    printable(bus),
  ];
}

function stateOf({ state }: ServiceHealth): string {
  return state === "ready" ? green("serving") : red(printable(state));
}

const MODELS = [
  "model",
  "version",
  "pid",
  "state",
  "Workers",
  "restarts",
  "replaced",
  "images",
  "failed",
  "in flight",
  "Workers MB",
];

function toModelCells({ pid, model }: { pid: number; model: ModelStatus }): string[] {
  const { workers, state } = model;
  const states = Map.groupBy(workers, (worker) => worker.state);
  return [
    printable(model.model),
    printable(model.version),
    String(pid),
    state === "up" ? green(state) : red(state),
    [...states].map(([state, { length }]) => `${length} ${state}`).sort().join(", "),
    number(sum(workers, ({ restarts }) => restarts)),
    number(sum(workers, ({ replacements }) => replacements)),
    number(sum(workers, ({ images }) => images)),
    number(sum(workers, ({ failures }) => failures)),
    number(model.inFlight),
    megabytes(sum(workers, ({ memoryBytes }) => memoryBytes ?? 0)),
  ];
}

function why({ model, state, since, reason, nextTryAt }: ModelStatus): string {
  const next = nextTryAt === null ? "" : `, tried again at ${localTime(nextTryAt)}`;
  return red(`${printable(model)} is ${state} since ${localTime(since)}${next}: ${printable(reason)}`);
}

const LAGS = ["topic", "waiting", "a partition"];

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
