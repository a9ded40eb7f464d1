import type { PartitionInfo } from "../../bus/transport/transport.ts";
import type { MetricRegistry } from "../../lib/metrics.ts";
import type { HealthState, ServiceHealth } from "../health.ts";
import type { ModelState, ModelStatus, WorkerState } from "../workers/status.ts";

const HEALTH_STATES: readonly HealthState[] = ["ready", "degraded", "not ready"];
const MODEL_STATES: readonly ModelState[] = ["starting", "up", "restarting", "down", "stopped"];
const WORKER_STATES: readonly WorkerState[] = ["starting", "idle", "busy", "restarting", "stopped"];

/** Lag of a partition that the service has claimed. */
export interface PartitionLag extends Pick<PartitionInfo, "partition"> {
  readonly topic: string;
  /** Number of messages that the group has not committed. */
  readonly lag: number;
}

/** The state of a service at one moment. */
export interface ServiceState {
  readonly group: string;
  readonly health: ServiceHealth;
  readonly models: readonly ModelStatus[];
  /** Whether the bus is available. */
  readonly connected: boolean;
  /** Of claimed partitions alone: services of one group would otherwise count each message several times. */
  readonly lags: readonly PartitionLag[];
  /** Number of claimed partitions per topic. */
  readonly claims: ReadonlyMap<string, number>;
}

/** Gauges of the state of a service, set anew each time they are read. */
export class StateMetrics {
  readonly #families: ReturnType<typeof families>;

  /** @param registry Where to add its metrics. */
  constructor(registry: MetricRegistry) {
    this.#families = families(registry);
  }

  /** Sets all gauges. */
  set({ group, health, models, connected, lags, claims }: ServiceState): void {
    const { health: states, lag, claims: claimed, connected: available } = this.#families;
    for (const family of Object.values(this.#families)) family.clear();
    for (const state of HEALTH_STATES) states.of(state).value = Number(state === health.state);
    available.of().value = Number(connected);
    for (const { topic, partition, lag: count } of lags) {
      lag.of(topic, String(partition), group).value = count;
    }
    for (const [topic, count] of claims) claimed.of(topic).value = count;
    for (const model of models) this.#setModel(model);
  }

  #setModel({ model, state, inFlight, inFlightBytes, oldestAt, workers, drift }: ModelStatus): void {
    const families = this.#families;
    for (const name of MODEL_STATES) families.modelState.of(model, name).value = Number(name === state);
    for (const name of WORKER_STATES) {
      families.workers.of(model, name).value = workers.filter((worker) => worker.state === name).length;
    }
    families.inFlight.of(model).value = inFlight;
    families.inFlightBytes.of(model).value = inFlightBytes;
    const age = oldestAt === null ? 0 : Date.now() - Date.parse(oldestAt);
    families.oldest.of(model).value = Math.max(0, age) / 1_000;
    for (const kind of ["label", "confidence", "image"] as const) {
      if (drift[kind] !== null) families.drift.of(model, kind).value = drift[kind];
    }
    for (const [i, { memoryBytes }] of workers.entries()) {
      if (memoryBytes !== null) families.memory.of(model, String(i)).value = memoryBytes;
    }
  }
}

function families(registry: MetricRegistry) {
  return {
    health: registry.gauge("imagebus_health", "1 for the state that the service is in, else 0.", ["state"]),
    connected: registry.gauge("imagebus_bus_connected", "1 while the bus is available, else 0."),
    claims: registry.gauge("imagebus_claims", "Partitions that this process has claimed.", ["topic"]),
    lag: registry.gauge(
      "imagebus_lag_messages",
      "Messages of a claimed partition that the group has not committed; at most 5 s old.",
      ["topic", "partition", "group"],
    ),
    modelState: registry.gauge(
      "imagebus_model_state",
      "1 for the state that the model is in, else 0.",
      ["model", "state"],
    ),
    inFlight: registry.gauge(
      "imagebus_in_flight_images",
      "Images that were read, and whose results are not stored yet.",
      ["model"],
    ),
    inFlightBytes: registry.gauge("imagebus_in_flight_bytes", "Size of the images in flight.", ["model"]),
    oldest: registry.gauge(
      "imagebus_oldest_unfinished_seconds",
      "Age of the oldest image in flight, since its message was stored; 0 without one.",
      ["model"],
    ),
    workers: registry.gauge("imagebus_workers", "Workers by what they do now.", ["model", "state"]),
    drift: registry.gauge(
      "imagebus_drift_psi",
      "Population stability index of the last 1,000 images, and what is predicted for them, against the test images.",
      ["model", "of"],
    ),
    memory: registry.gauge(
      "imagebus_worker_memory_bytes",
      "Memory of a Worker after its last batch, WASM and JavaScript.",
      ["model", "worker"],
    ),
  };
}
