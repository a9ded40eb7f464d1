import { sleep } from "../../lib/sleep.ts";
import { type Admin, type ITopicMetadata, Kafka, logLevel } from "npm:kafkajs@2.2.4";

const TIMEOUT_MS = 120_000;
const AGAIN_MS = 500;

/** Who leads the partitions of a cluster, and how many replicas are up to date: seen by another client than the one on trial. */
export class Replicas {
  readonly #kafka: Kafka;

  /** @param brokers As `host:port`. */
  constructor(brokers: readonly string[]) {
    const [initialRetryTime, retries] = [AGAIN_MS, 20];
    const retry = { initialRetryTime, retries, maxRetryTime: 2_000 };
    this.#kafka = new Kafka({ brokers: [...brokers], retry, logLevel: logLevel.NOTHING });
  }

  /**
   * The broker that leads a partition.
   *
   * @param topic A topic that exists.
   * @param partition Its number, modulo the number of partitions.
   * @returns The broker's number in the cluster.
   */
  async leader(topic: string, partition: number): Promise<number> {
    return await this.#until(`a leader of ${topic}`, async (admin) => {
      const [{ partitions = [] } = {}] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
      const { leader = -1 } = partitions.find(({ partitionId }) =>
        partitionId === partition % partitions.length
      ) ??
        {};
      return leader < 0 ? null : leader;
    });
  }

  /** Resolves when each replica of each topic is up to date. */
  async untilInSync(): Promise<void> {
    await this.#until("all replicas to be in sync", async (admin) => {
      const { topics } = await admin.fetchTopicMetadata();
      return topics.every(isInSync) || null;
    });
  }

  /** @returns What `look` finds; it is asked again while that is `null`. */
  async #until<T>(what: string, look: (admin: Admin) => Promise<T | null>): Promise<T> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      for (const late = Date.now() + TIMEOUT_MS; Date.now() < late;) {
        // The brokers learn from each other with a delay what has become of one of them.
        await sleep(AGAIN_MS);
        const found = await look(admin).catch((error) => {
          if (isUnknownTopic(error)) return null;
          throw error;
        });
        if (found !== null) return found;
      }
    } finally {
      await admin.disconnect();
    }
    throw new Error(`Waited for ${what} for ${TIMEOUT_MS / 1_000} s`);
  }
}

/** Whether the broker that was asked has not heard of the topic yet: they hear of a new one, one after the other. */
export function isUnknownTopic(error: unknown): boolean {
  return error instanceof Error && "type" in error && error.type === "UNKNOWN_TOPIC_OR_PARTITION";
}

function isInSync({ partitions }: ITopicMetadata): boolean {
  return partitions.every(({ replicas, isr }) => isr.length === replicas.length);
}
