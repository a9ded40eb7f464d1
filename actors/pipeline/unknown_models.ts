import { messageOf } from "../../lib/coded_error.ts";
import { sleep } from "../../lib/sleep.ts";
import { modelOfTopic } from "../../bus/topics.ts";
import type { TopicInfo, Transport } from "../../bus/transport/transport.ts";
import { Coordinator, type CoordinatorParts } from "./coordinator.ts";

/** What it works with, besides what every coordinator does. */
export interface UnknownModelsParts extends Omit<CoordinatorParts, "subscription" | "lanes"> {
  /** The bus. */
  readonly transport: Transport;
  /** The group of the service. */
  readonly group: string;
  /** The models that are served here. */
  readonly served: ReadonlySet<string>;
  /** Time between two looks, in milliseconds. */
  readonly intervalMs: number;
}

/**
 * Fails requests for models that nobody serves. A request waits in the topic of its model; when no service of
 * the group has ever claimed a partition of it, the model is most likely misspelt, and the asker would wait in
 * vain. Two looks in a row must see it so, because a service may just be starting. Should one come later, it
 * classifies the requests after all, and its results replace the failures.
 */
export class UnknownModels {
  readonly #parts: UnknownModelsParts;
  readonly #stop = new AbortController();
  #orphans: ReadonlySet<string> = new Set();
  /** What the coordinator subscribes to. */
  #topics = "";
  #isFailing = false;
  #coordinator: Coordinator | undefined;
  #running: Promise<void> | undefined;

  /** @param parts What it works with. */
  constructor(parts: UnknownModelsParts) {
    this.#parts = parts;
  }

  /** Begins to look. */
  start(): void {
    this.#running = this.#run();
  }

  /**
   * Stops, and finishes what is in flight.
   *
   * @param deadlineMs How long to wait for that, in milliseconds.
   * @returns How many images were left unfinished.
   */
  async drain(deadlineMs: number): Promise<number> {
    this.#stop.abort();
    await this.#running;
    return await this.#coordinator?.drain(deadlineMs) ?? 0;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await sleep(this.#parts.intervalMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#look();
        if (this.#isFailing) this.#parts.listener({ type: "unknown_models_recovered" });
        this.#isFailing = false;
      } catch (error) {
        this.#report(error);
      }
    }
  }

  async #look(): Promise<void> {
    const { transport, group, served } = this.#parts;
    const isUnknown = (name: string) => {
      const model = modelOfTopic(name);
      return model !== null && !served.has(model);
    };
    const infos = await transport.topics(group, isUnknown);
    const orphans = infos.filter(isOrphan).map(({ name }) => name);
    const topics = orphans.filter((name) => this.#orphans.has(name));
    this.#orphans = new Set(orphans);
    if (topics.join() !== this.#topics) await this.#subscribe(topics);
  }

  async #subscribe(topics: readonly string[]): Promise<void> {
    await this.#coordinator?.drain(1_000);
    this.#coordinator = undefined;
    this.#topics = "";
    if (topics.length === 0) return;
    const { transport, delivery } = this.#parts;
    // A group of its own: a service with this model that starts later must get these requests, too.
    const group = `${this.#parts.group}.unknown-models`;
    const subscription = await transport.subscribe(topics, { group, delivery });
    this.#topics = topics.join();
    this.#coordinator = new Coordinator({ ...this.#parts, subscription, lanes: new Map() });
    this.#coordinator.run().catch((error) => {
      this.#topics = "";
      this.#report(error);
    });
  }

  /** What failed is retried at the next look. */
  #report(error: unknown): void {
    this.#isFailing = true;
    this.#parts.listener({ type: "unknown_models_failing", reason: messageOf(error) });
  }
}

function isOrphan({ partitions }: TopicInfo): boolean {
  return partitions.some(({ end }) => end > 0) && partitions.every(({ committed }) => committed === null);
}
