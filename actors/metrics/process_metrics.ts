import process from "node:process";
import type { Family, MetricRegistry, Value } from "../../lib/metrics.ts";

const TICK_MS = 100;
const DELAY_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** What is measured of the process itself. */
export class ProcessMetrics implements Disposable {
  readonly #memory: Family<Value>;
  readonly #cpu: Family<Value>;
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * @param registry Where to add its metrics.
   * @param version Of imagebus.
   */
  constructor(registry: MetricRegistry, version: string) {
    const build = registry.gauge(
      "imagebus_build_info",
      "Always 1; the versions are its labels.",
      ["version", "deno"],
    );
    build.of(version, Deno.version.deno).value = 1;
    this.#timer = measureDelay(registry);
    this.#memory = registry.gauge(
      "process_resident_memory_bytes",
      "Resident memory of the process, Workers included.",
    );
    this.#cpu = registry.counter("process_cpu_seconds_total", "CPU time of the process, Workers included.");
    const start = registry.gauge(
      "process_start_time_seconds",
      "When the process started, in seconds since 1970.",
    );
    start.of().value = performance.timeOrigin / 1_000;
  }

  /** Sets those that are not counted all the time. */
  set(): void {
    this.#memory.of().value = Deno.memoryUsage().rss;
    const { user, system } = process.cpuUsage();
    this.#cpu.of().value = (user + system) / 1e6;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** `monitorEventLoopDelay` of Deno 2.9 does not see a blocked event loop. */
function measureDelay(registry: MetricRegistry): ReturnType<typeof setInterval> {
  const delay = registry.histogram(
    "imagebus_event_loop_delay_seconds",
    `How late a timer ran on the main thread, ${1_000 / TICK_MS} times per second.`,
    [],
    DELAY_SECONDS,
  ).of();
  let due = performance.now() + TICK_MS;
  return setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - due) / 1_000);
    due = now + TICK_MS;
  }, TICK_MS);
}
