import { sleep } from "../../lib/sleep.ts";
import { type Admin, type ITopicMetadata, Kafka, type KafkaConfig, logLevel } from "npm:kafkajs@2.2.4";

const TIMEOUT_MS = 120_000;
const RETRY_MS = 500;

/** Leaders and in-sync replicas of a cluster, as seen by another client than the one under test. */
export class Replicas {
  readonly #kafka: Kafka;

  /** @param config How to reach the cluster. */
  constructor(config: KafkaConfig) {
    const [initialRetryTime, retries] = [RETRY_MS, 20];
    const retry = { initialRetryTime, retries, maxRetryTime: 2_000 };
    this.#kafka = new Kafka({ ...config, retry, logLevel: logLevel.NOTHING });
  }

  /**
   * Finds the leader of a partition.
   *
   * @param topic An existing topic.
   * @param partition Index of the partition, modulo the number of partitions.
   * @returns The leader's node id.
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

  /** Resolves when all replicas of all topics are in sync. */
  async untilInSync(): Promise<void> {
    await this.#until("all replicas to be in sync", async (admin) => {
      const { topics } = await admin.fetchTopicMetadata();
      return topics.every(isInSync) || null;
    });
  }

  /** Calls `look` until it returns something other than `null`. */
  async #until<T>(what: string, look: (admin: Admin) => Promise<T | null>): Promise<T> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      for (const late = Date.now() + TIMEOUT_MS; Date.now() < late;) {
        // Brokers receive metadata about each other with a delay.
        await sleep(RETRY_MS);
        const found = await look(admin).catch((error) => {
          if (isUnknownTopic(error)) return null;
          throw error;
        });
        if (found !== null) return found;
      }
    } finally {
      await admin.disconnect();
    }
    throw new Error(`Timed out after ${TIMEOUT_MS / 1_000} s waiting for ${what}`);
  }
}

/**
 * Whether a broker does not know a topic yet: metadata of a new topic reaches the brokers one after the
 * other.
 */
export function isUnknownTopic(error: unknown): boolean {
  return error instanceof Error && "type" in error && error.type === "UNKNOWN_TOPIC_OR_PARTITION";
}

function isInSync({ partitions }: ITopicMetadata): boolean {
  return partitions.every(({ replicas, isr }) => isr.length === replicas.length);
}
