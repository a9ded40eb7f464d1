import { messageOf } from "../../lib/coded_error.ts";
import { modelOfTopic } from "../../bus/topics.ts";
import type { TopicInfo, Transport } from "../../bus/transport/transport.ts";
import { Coordinator, type CoordinatorParts } from "./coordinator.ts";
import { sleep } from "../../lib/sleep.ts";

/** What it works with, besides what every coordinator does. */
export interface UnknownModelsParts extends Omit<CoordinatorParts, "subscription" | "lanes"> {
  /** The bus. */
  readonly transport: Transport;
  /** The group of the service. */
  readonly group: string;
  /** The models that are served here. */
  readonly served: ReadonlySet<string>;
  /** How often to look, in milliseconds. */
  readonly intervalMs: number;
}

/**
 * Answers requests for models that nobody serves. A request waits in the topic of its model; when no worker of the group has
 * ever committed anything there, the name is most likely misspelt, and whoever asked would wait in vain. Two looks in a row
 * must see it so, because a worker may just be starting. Should a worker come later, it classifies them after all, and
 * its results take the place of the failures.
 */
export class UnknownModels {
  readonly #parts: UnknownModelsParts;
  readonly #stop = new AbortController();
  #seen: ReadonlySet<string> = new Set();
  #topics = "";
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
   * @returns How many were left unfinished.
   */
  async drain(deadlineMs: number): Promise<number> {
    this.#stop.abort();
    await this.#running;
    return await this.#coordinator?.drain(deadlineMs) ?? 0;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await sleep(this.#parts.intervalMs, this.#stop.signal);
      if (!this.#stop.signal.aborted) await this.#look().catch((error) => this.#say(error));
    }
  }

  async #look(): Promise<void> {
    const { transport, group, served } = this.#parts;
    const now = (await transport.topics(group)).filter((info) => isOrphan(info, served)).map(({ name }) =>
      name
    );
    const topics = now.filter((name) => this.#seen.has(name));
    this.#seen = new Set(now);
    if (topics.join() !== this.#topics) await this.#subscribe(topics);
  }

  async #subscribe(topics: readonly string[]): Promise<void> {
    await this.#coordinator?.drain(1_000);
    this.#coordinator = undefined;
    this.#topics = "";
    if (topics.length === 0) return;
    const { transport, delivery } = this.#parts;
    const group = `${this.#parts.group}.unknown-models`;
    const subscription = await transport.subscribe(topics, { group, delivery });
    this.#topics = topics.join();
    this.#coordinator = new Coordinator({ ...this.#parts, subscription, lanes: new Map() });
    this.#coordinator.run().catch((error) => {
      this.#topics = "";
      this.#say(error);
    });
  }

  /** It is tried again at the next look. */
  #say(error: unknown): void {
    const reason = messageOf(error);
    this.#parts.listener({ type: "unknown_models_failing", reason });
  }
}

function isOrphan({ name, partitions }: TopicInfo, served: ReadonlySet<string>): boolean {
  const model = modelOfTopic(name);
  return model !== null && !served.has(model) &&
    partitions.some(({ end }) => end > 0) && partitions.every(({ committed }) => committed === null);
}
