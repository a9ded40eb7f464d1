import type { PartitionLag } from "../../actors/metrics/state_metrics.ts";
import { isLegacyTopic } from "../../bus/legacy_format.ts";
import { modelOfTopic } from "../../bus/topics.ts";
import type { TopicInfo, Transport, TransportEvent } from "../../bus/transport/transport.ts";
import { abortable } from "../../lib/abortable.ts";
import { sleep } from "../../lib/sleep.ts";
import { lagOf } from "../lag.ts";

const INTERVAL_MS = 5_000;

/** What is watched. */
export interface LagWatchParts {
  readonly transport: Transport;
  readonly group: string;
  /** Names of the models. */
  readonly served: ReadonlySet<string>;
}

/** The claims of this process and the lag of its group, looked up every 5 s. */
export class LagWatch implements AsyncDisposable {
  readonly #claims = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #served: ReadonlySet<string> = new Set();
  #topics: readonly TopicInfo[] = [];

  /** Takes note of claims; they can come before {@linkcode LagWatch.start}. */
  note(event: TransportEvent): void {
    if (event.type !== "claimed" && event.type !== "lost") return;
    const { type, topic, partition } = event;
    if (type === "claimed") this.#claims.add(`${topic}/${partition}`);
    else this.#claims.delete(`${topic}/${partition}`);
  }

  /** Begins to look. */
  start({ transport, group, served }: LagWatchParts): void {
    this.#served = served;
    this.#running = this.#run(transport, group);
  }

  /** The lag of the group per topic of the models; empty when the bus did not answer in time. */
  get topics(): { readonly topic: string; readonly lag: number }[] {
    return this.#topics.map(({ name, partitions }) => ({ topic: name, lag: lagOf(partitions) }));
  }

  /** The lag of each claimed partition. */
  get lags(): PartitionLag[] {
    return this.#topics.flatMap(({ name: topic, partitions }) =>
      partitions.filter(({ partition }) => this.#claims.has(`${topic}/${partition}`))
        .map((info) => ({ topic, partition: info.partition, lag: lagOf([info]) }))
    );
  }

  /** Number of claimed partitions per topic of the models. */
  get claims(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const claim of this.#claims) {
      const topic = claim.slice(0, claim.lastIndexOf("/"));
      if (this.#isServed(topic)) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(transport: Transport, group: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const deadline = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(INTERVAL_MS)]);
      const looking = transport.topics(group, (name) => this.#isServed(name)).catch(() => null);
      this.#topics = await abortable(looking, deadline) ?? [];
      await sleep(INTERVAL_MS, this.#stop.signal);
    }
  }

  #isServed(topic: string): boolean {
    const model = modelOfTopic(topic);
    return model === null ? isLegacyTopic(topic) : this.#served.has(model);
  }
}
