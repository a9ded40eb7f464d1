const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/**
 * MurmurHash2, 32 bits, with the seed of Kafka's default partitioner
 * (`org.apache.kafka.common.utils.Utils.murmur2`): a key gets the same partition as from producers in other
 * languages.
 *
 * @param bytes Input.
 * @returns A signed 32-bit integer.
 */
export function murmur2(bytes: Uint8Array): number {
  const whole = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let index = 0; index < whole; index += 4) {
    let word = bytes[index]! | bytes[index + 1]! << 8 | bytes[index + 2]! << 16 | bytes[index + 3]! << 24;
    word = Math.imul(word, M);
    word = Math.imul(word ^ word >>> R, M);
    hash = Math.imul(hash, M) ^ word;
  }
  for (let index = bytes.length - 1; index >= whole; index--) hash ^= bytes[index]! << 8 * (index - whole);
  if (bytes.length > whole) hash = Math.imul(hash, M);
  hash = Math.imul(hash ^ hash >>> 13, M);
  return hash ^ hash >>> 15;
}

/** Chooses partitions: by the key, as Kafka's own clients do; round robin without a key. */
export class Partitioner {
  readonly #turns = new Map<string, number>();

  /**
   * @param topic The topic.
   * @param key The key in UTF-8, if any.
   * @param partitions Number of partitions of the topic.
   * @param isAvailable Whether a partition can take a message now. Without a key the others are passed over.
   * @returns From 0 to `partitions - 1`.
   */
  choose(
    topic: string,
    key: Uint8Array | null,
    partitions: number,
    isAvailable = (_partition: number) => true,
  ): number {
    if (key) return (murmur2(key) & 0x7fffffff) % partitions;
    const first = this.#turns.get(topic) ?? Math.floor(Math.random() * partitions);
    let turn = first;
    while (!isAvailable(turn % partitions) && turn < first + partitions) turn++;
    this.#turns.set(topic, turn + 1);
    return turn % partitions;
  }
}
