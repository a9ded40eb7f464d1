import type { Settled, Sink } from "../../actors/sinks/sink.ts";
import { WorkerHttp } from "../../cli/http/worker_http.ts";
import { parseMetrics, sumOf } from "../../testing/prometheus.ts";

/** How many images a worker process that has drained has stored. */
export interface Counts {
  /** By its metrics, read over HTTP. */
  readonly scraped: number;
  /** By its sinks. */
  readonly stored: number;
}

/** HTTP of a worker process, and beside its metrics a count at the sink, which a metric has no part in. */
export class CountedHttp implements AsyncDisposable {
  /** Its server. */
  readonly http: WorkerHttp = new WorkerHttp({
    hostname: "127.0.0.1",
    port: 0,
    token: undefined,
    actions: false,
    images: true,
  });
  #stored = 0;

  /** Counts what a sink has stored. */
  counting(sink: Sink): Sink {
    return {
      ...sink,
      name: sink.name,
      write: async (batch: readonly Settled[]) => {
        await sink.write(batch);
        this.#stored += batch.length;
      },
      close: async () => await sink.close?.(),
    };
  }

  /** Both counts of now. */
  async counts(): Promise<Counts> {
    const response = await fetch(`${this.http.url}/metrics`);
    return {
      scraped: sumOf(parseMetrics(await response.text()), "imagebus_images_total"),
      stored: this.#stored,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http[Symbol.asyncDispose]();
  }
}
