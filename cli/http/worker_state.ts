import type { ServiceEvent } from "../../actors/events.ts";
import { ServiceMetrics } from "../../actors/metrics/service_metrics.ts";
import type { ServiceHealth } from "../../actors/health.ts";
import type { Service } from "../../actors/serve.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import type { Bus } from "../../bus/bus.ts";
import { BusError } from "../../bus/transport/errors.ts";
import config from "../../deno.json" with { type: "json" };
import { type FamilyJson, metricsJson } from "../../lib/metrics_json.ts";
import { absoluteBus } from "../worker_report.ts";
import { LagWatch } from "./lag_watch.ts";

/** What a worker process is about to do: it starts, serves, drains, or has failed. */
export type Phase = "starting" | "serving" | "draining" | "failed";

/** What runs in a worker process. */
export interface Running {
  readonly bus: Bus;
  readonly service: Service;
  readonly group: string;
}

/** Whether requests may be sent here, and why not. */
export interface Readiness {
  readonly ready: boolean;
  /** The state of the service, or what the process does instead. */
  readonly state: string;
  readonly reasons: readonly string[];
}

/** The state of a worker process as JSON: what `/metrics`, `/readyz` and the page show. */
export interface StatusJson {
  readonly version: string;
  readonly deno: string;
  readonly pid: number;
  readonly at: string;
  readonly bus: string;
  readonly group: string;
  readonly phase: Phase;
  readonly readiness: Readiness;
  readonly health: ServiceHealth;
  readonly models: readonly ModelStatus[];
  /** Of the whole group. */
  readonly topics: readonly { readonly topic: string; readonly lag: number }[];
  /** Partitions that this process has claimed, per topic. */
  readonly claims: Readonly<Record<string, number>>;
  readonly metrics: readonly FamilyJson[];
}

const NO_HEALTH: ServiceHealth = { state: "not ready", reasons: ["it is starting"], deadLetters: {} };

/** The state of a worker process, as far as HTTP shows it. */
export class WorkerState implements AsyncDisposable {
  /** Its metrics; `work` is the observer of the service. */
  readonly metrics: ServiceMetrics = new ServiceMetrics(config.version);
  readonly #lag = new LagWatch();
  #running: Running | undefined;
  #phase: Phase = "starting";

  /**
   * The bus of the service.
   *
   * @throws {BusError} `unavailable` while it starts.
   */
  get bus(): Bus {
    if (this.#running) return this.#running.bus;
    throw new BusError("unavailable", "The service is starting");
  }

  /** Takes note of an event of the service or its bus. */
  note(event: ServiceEvent): void {
    this.metrics.work.note(event);
    if (event.type === "bus") this.#lag.note(event.event);
  }

  /** The service runs. */
  serving(running: Running): void {
    const { bus: { transport }, group, service } = running;
    this.#running = running;
    this.#phase = "serving";
    void service.closed.then((error) => {
      if (error) this.#phase = "failed";
    });
    this.#lag.start({ transport, group, served: new Set(service.status().map(({ model }) => model)) });
  }

  /** The service finishes what is in flight. */
  draining(): void {
    this.#phase = "draining";
  }

  /** Whether the process is worth keeping. Never asks the bus. */
  get alive(): boolean {
    return this.#phase !== "failed";
  }

  /** Whether it can do its work. */
  get readiness(): Readiness {
    const { state, reasons } = this.#health();
    if (this.#phase === "serving") return { ready: state !== "not ready", state, reasons };
    return { ready: false, state: this.#phase, reasons: this.#phase === "starting" ? [] : reasons };
  }

  /** The metrics, with the gauges of now. */
  scrape(): string {
    this.#setGauges();
    return this.metrics.text();
  }

  /** Everything as JSON. */
  status(): StatusJson {
    this.#setGauges();
    return { ...this.summary(), metrics: metricsJson(this.metrics.registry) };
  }

  /** The state without the metrics. */
  summary(): Omit<StatusJson, "metrics"> {
    return {
      version: config.version,
      deno: Deno.version.deno,
      pid: Deno.pid,
      at: new Date().toISOString(),
      bus: this.#running ? absoluteBus(this.#running.bus.transport.url) : "",
      group: this.#running?.group ?? "",
      phase: this.#phase,
      readiness: this.readiness,
      health: this.#health(),
      models: this.#models(),
      topics: this.#lag.topics,
      claims: Object.fromEntries(this.#lag.claims),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.metrics[Symbol.dispose]();
    await this.#lag[Symbol.asyncDispose]();
  }

  #setGauges(): void {
    const { lags, claims } = this.#lag;
    this.metrics.set({
      group: this.#running?.group ?? "",
      health: this.#health(),
      models: this.#models(),
      connected: this.#running?.bus.transport.unavailable === null,
      lags,
      claims,
    });
  }

  #health(): ServiceHealth {
    return this.#running?.service.health() ?? NO_HEALTH;
  }

  #models(): readonly ModelStatus[] {
    return this.#running?.service.status() ?? [];
  }
}
