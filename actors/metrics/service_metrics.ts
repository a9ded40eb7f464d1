import { MetricRegistry } from "../../lib/metrics.ts";
import { metricsText } from "../../lib/metrics_text.ts";
import { ProcessMetrics } from "./process_metrics.ts";
import { type ServiceState, StateMetrics } from "./state_metrics.ts";
import { WorkMetrics } from "./work_metrics.ts";

/** All metrics of a service in this process. docs/observability.md lists them. */
export class ServiceMetrics implements Disposable {
  /** The numbers. */
  readonly registry: MetricRegistry = new MetricRegistry();
  /** Counts the work: pass it to `serve` as its observer, and the events to its `note`. */
  readonly work: WorkMetrics;
  readonly #state: StateMetrics;
  readonly #process: ProcessMetrics;

  /** @param version Of imagebus. */
  constructor(version: string) {
    this.work = new WorkMetrics(this.registry);
    this.#state = new StateMetrics(this.registry);
    this.#process = new ProcessMetrics(this.registry, version);
  }

  /** Sets the gauges of the service and of the process. */
  set(state: ServiceState): void {
    this.#state.set(state);
    this.#process.set();
  }

  /** In the text format of Prometheus. */
  text(): string {
    return metricsText(this.registry);
  }

  [Symbol.dispose](): void {
    this.#process[Symbol.dispose]();
  }
}
