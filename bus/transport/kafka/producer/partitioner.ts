import { partitionOfKey } from "../../murmur2.ts";

/** Chooses partitions: by the key, as Kafka's own clients do; round robin without a key. */
export class Partitioner {
  readonly #turns = new Map<string, number>();

  /**
   * @param topic The topic.
   * @param key The key, if any.
   * @param partitions Number of partitions of the topic.
   * @returns From 0 to `partitions - 1`.
   */
  choose(topic: string, key: Uint8Array | null, partitions: number): number {
    if (key) return partitionOfKey(key, partitions);
    const turn = this.#turns.get(topic) ?? Math.floor(Math.random() * partitions);
    this.#turns.set(topic, turn + 1);
    return turn % partitions;
  }
}
