import { BusError } from "../errors.ts";
import type { Database } from "./database.ts";
import type { SqliteSettings } from "./options.ts";
import { RECORD_BYTES_SQL } from "./record.ts";
import { OFFSET_BITS, RECORD_ID } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** A step removes at most this many messages, and stops after the one that reaches this many bytes. */
const STEP_MESSAGES = 256;
const STEP_BYTES = 4_194_304;

/** At the limit, more is removed than the next message needs, but not more than this. */
const MAX_SLACK_BYTES = 16_777_216;

/** Records of partition ?1 from offset ?2 up to ?3. */
const RANGE = `WHERE id >= ${RECORD_ID} AND id < (?1 << ${OFFSET_BITS}) + CAST(?3 AS INTEGER)`;

interface Removable {
  /** Id of the partition. */
  readonly id: number;
  readonly first: number;
  readonly next: number;
  readonly expires: 0 | 1;
  /** Every group that has committed anything in the topic has processed the messages before this offset. */
  readonly finished: number;
  /** Timestamp of the oldest message; `null` if there is none. */
  readonly oldest: number | null;
}

/** The offset up to which messages of a partition may be removed. */
type Limit = (partition: Removable) => number;

const FINISHED: Limit = ({ finished, next }) => Math.min(finished, next);
const EXPIRING: Limit = ({ expires, next }) => expires ? next : 0;
const AGED: Limit = (partition) => Math.max(FINISHED(partition), EXPIRING(partition));

/** Removes messages that no group needs any more. Topics without a commit keep theirs for the first group. */
export class Retention {
  readonly #database: Database;
  readonly #settings: SqliteSettings;
  #transaction = -1;
  #live = 0;

  constructor(database: Database, settings: SqliteSettings) {
    this.#database = database;
    this.#settings = settings;
  }

  /**
   * Reserves room for messages that are about to be appended. If the bus is full, messages that every group
   * has processed are removed, however young, then those of expiring topics; the oldest first. Must run
   * inside a transaction. Answers to messages that were accepted get their room in any case, as these can only be
   * removed once they are answered; no unread answer is removed for them.
   *
   * @param bytes Size of the messages, as {@linkcode recordBytes} counts it.
   * @param isAnswer Whether they are such answers.
   * @returns `queue_full` if there is no room; nothing is reserved then.
   */
  reserve(bytes: number, isAnswer = false): BusError | null {
    this.#count();
    const { maxQueueBytes } = this.#settings;
    if (this.#live + bytes > maxQueueBytes) {
      const target = maxQueueBytes - bytes - Math.min(MAX_SLACK_BYTES, Math.floor(maxQueueBytes / 64));
      for (const limit of isAnswer ? [FINISHED] : [FINISHED, EXPIRING]) {
        while (this.#live > target && this.#removeOldest(limit, Infinity)) this.#recount();
      }
      if (!isAnswer && this.#live + bytes > maxQueueBytes) return this.#full(bytes);
    }
    this.#live += bytes;
    return null;
  }

  /** Other processes can write between two transactions, but not within one. */
  #count(): void {
    if (this.#transaction === this.#database.transactions) return;
    this.#transaction = this.#database.transactions;
    this.#recount();
  }

  #recount(): void {
    this.#live = this.#database.get<{ bytes: number }>("SELECT total(bytes) AS bytes FROM partitions")!.bytes;
  }

  #full(bytes: number): BusError {
    const largest = this.#database.get<{ name: string }>(
      "SELECT t.name FROM partitions p JOIN topics t ON t.id = p.topic GROUP BY t.id ORDER BY sum(p.bytes) DESC LIMIT 1",
    );
    const { maxQueueBytes } = this.#settings;
    return new BusError(
      "queue_full",
      `Cannot store ${bytes} bytes on "${this.#database.path}": ${this.#live} wait to be processed` +
        `${largest ? `, most of them in ${largest.name}` : ""}; the limit maxQueueBytes is ${maxQueueBytes}` +
        (bytes > maxQueueBytes ? "; raise it" : ". Let a worker process them, or raise the limit"),
    );
  }

  /** Removes what is too old and no longer needed, in steps so that other work is not blocked. */
  async sweep(writer: Writer): Promise<void> {
    while (await writer.run(() => this.#removeOldest(AGED, Date.now() - this.#settings.retentionMs)));
  }

  /** Removes the messages of a topic before an offset in each partition, in steps so that other work is not blocked. */
  async removeBefore(writer: Writer, topic: string, before: ReadonlyMap<number, number>): Promise<void> {
    for (const [number, offset] of before) {
      while (await writer.run(() => this.#removeStep(topic, number, offset)));
    }
  }

  /** Returns whether more is left to remove. */
  #removeStep(topic: string, number: number, before: number): boolean {
    const found = this.#database.get<Pick<Removable, "id" | "first" | "next">>(
      `SELECT p.id, p.first, p.next FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.name = ? AND p.number = ?`,
      topic,
      number,
    );
    const limit = Math.min(before, found?.next ?? 0);
    return found !== undefined && found.first < limit && this.#remove(found, limit, Infinity) < limit;
  }

  /** Removes one step from the partition with the oldest message; returns whether there was one. */
  #removeOldest(limit: Limit, before: number): boolean {
    const candidates = this.#partitions().filter((partition) => {
      return partition.oldest !== null && partition.oldest < before && partition.first < limit(partition);
    });
    if (candidates.length === 0) return false;
    const oldest = candidates.reduce((a, b) => a.oldest! <= b.oldest! ? a : b);
    this.#remove(oldest, limit(oldest), before);
    return true;
  }

  #partitions(): Removable[] {
    return this.#database.all<Removable>(
      `WITH interested AS (
        SELECT DISTINCT p.topic, c.group_name FROM commits c JOIN partitions p ON p.id = c.partition
      )
      SELECT p.id, p.first, p.next, t.expires, min(coalesce(c.offset, 0)) AS finished,
        (SELECT timestamp FROM records WHERE id = (p.id << ${OFFSET_BITS}) + p.first) AS oldest
      FROM partitions p JOIN topics t ON t.id = p.topic
      LEFT JOIN interested i ON i.topic = p.topic
      LEFT JOIN commits c ON c.partition = p.id AND c.group_name = i.group_name
      GROUP BY p.id`,
    );
  }

  /** Returns the offset of the oldest message that is left. */
  #remove({ id, first }: Pick<Removable, "id" | "first">, limit: number, before: number): number {
    const rows = this.#database.all<{ timestamp: number; bytes: number }>(
      `SELECT timestamp, ${RECORD_BYTES_SQL} AS bytes FROM records ${RANGE} ORDER BY id LIMIT ${STEP_MESSAGES}`,
      id,
      first,
      limit,
    );
    let end = first;
    let bytes = 0;
    for (const row of rows) {
      if (row.timestamp >= before || bytes >= STEP_BYTES) break;
      end++;
      bytes += row.bytes;
    }
    this.#database.run(`DELETE FROM records ${RANGE}`, id, first, end);
    this.#database.run("UPDATE partitions SET first = ?, bytes = bytes - ? WHERE id = ?", end, bytes, id);
    return end;
  }
}
