import { BusError } from "../errors.ts";
import { Partitioner } from "../partitioner.ts";
import type { Message, PartitionInfo, TopicInfo } from "../transport.ts";
import type { Database } from "./database.ts";
import { decodeRecord, recordBytes, type StoredRecord } from "./record.ts";
import { OFFSET_BITS, RECORD_ID } from "./schema.ts";

const MAX_READ_BYTES = 1_048_576;

/** Records of partition ?1 from offset ?2, at most ?3. */
const ONWARDS = `WHERE id >= ${RECORD_ID} AND id < (?1 + 1 << ${OFFSET_BITS}) ORDER BY id LIMIT ?3`;

/** A partition of a topic. */
export interface Partition {
  /** Primary key. */
  readonly id: number;
  readonly topic: string;
  readonly number: number;
}

/** A topic. */
export interface Topic {
  /** Primary key. */
  readonly id: number;
  readonly partitions: readonly Partition[];
}

/** Properties of a new topic. */
export interface TopicPlan {
  /** Number of partitions. */
  readonly partitions: number;
  /** Whether its messages are removed by age alone. */
  readonly expires: boolean;
}

/** What is stored in a partition. */
export interface Stored {
  /** Offset of the oldest message. */
  readonly first: number;
  /** Offset of the next message to be stored. */
  readonly next: number;
  /** Size of all messages. */
  readonly bytes: number;
}

interface RecordRow extends StoredRecord {
  readonly offset: number;
  readonly timestamp: number;
}

/** Topics and their messages. Methods that write must run inside a transaction. */
export class Log {
  readonly #database: Database;
  readonly #topics = new Map<string, Topic>();
  readonly #partitioner = new Partitioner();

  constructor(database: Database) {
    this.#database = database;
    database.onRollback = () => this.#topics.clear();
  }

  /**
   * Finds a topic, or creates it.
   *
   * @param name A valid name.
   * @param plan Properties if it is created.
   */
  ensureTopic(name: string, plan: TopicPlan): Topic {
    return this.#find(name) ?? this.#create(name, plan);
  }

  #find(name: string): Topic | undefined {
    const known = this.#topics.get(name);
    if (known) return known;
    const row = this.#database.get<{ id: number }>("SELECT id FROM topics WHERE name = ?", name);
    if (!row) return undefined;
    const sql = "SELECT id, number FROM partitions WHERE topic = ? ORDER BY number";
    const rows = this.#database.all<{ id: number; number: number }>(sql, row.id);
    const topic = { id: row.id, partitions: rows.map((partition) => ({ ...partition, topic: name })) };
    this.#topics.set(name, topic);
    return topic;
  }

  #create(name: string, { partitions, expires }: TopicPlan): Topic {
    const insert = "INSERT INTO topics (name, expires) VALUES (?, ?) RETURNING id";
    const { id } = this.#database.get<{ id: number }>(insert, name, Number(expires))!;
    const sql = "INSERT INTO partitions (topic, number) VALUES (?, ?)";
    for (let number = 0; number < partitions; number++) this.#database.run(sql, id, number);
    return this.#find(name)!;
  }

  /** Appends records to the partitions of a topic. */
  append(topic: Topic, records: readonly StoredRecord[]): void {
    const timestamp = Date.now();
    for (const [partition, share] of this.#spread(topic, records)) {
      this.#appendTo(partition, timestamp, share);
    }
  }

  #spread({ partitions }: Topic, records: readonly StoredRecord[]): Map<Partition, StoredRecord[]> {
    const { topic } = partitions[0]!;
    return Map.groupBy(
      records,
      ({ key }) => partitions[this.#partitioner.choose(topic, key, partitions.length)]!,
    );
  }

  #appendTo({ id }: Partition, timestamp: number, records: readonly StoredRecord[]): void {
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    const { next } = this.#database.get<{ next: number }>(
      "UPDATE partitions SET next = next + ?, bytes = bytes + ? WHERE id = ? RETURNING next",
      records.length,
      bytes,
      id,
    )!;
    const sql = `INSERT INTO records VALUES (${RECORD_ID}, ?3, ?4, ?5, ?6)`;
    let offset = next - records.length;
    for (const { key, headers, value } of records) {
      this.#database.run(sql, id, offset++, timestamp, key, headers, value);
    }
  }

  /**
   * Looks what is stored in a topic.
   *
   * @param topic Its name.
   * @returns By the id of the partition.
   */
  stored(topic: string): Map<number, Stored> {
    const rows = this.#database.all<Stored & { id: number }>(
      "SELECT p.id, first, next, bytes FROM topics t JOIN partitions p ON p.topic = t.id WHERE t.name = ?",
      topic,
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Reads messages.
   *
   * @param partition The partition.
   * @param stored What it contained at the last look; later messages are not read.
   * @param offset Of the first message; if it is no longer kept, reading starts at the next that is.
   * @param maxMessages Largest number of messages.
   * @returns In ascending order, at most 1 MiB or one message; empty at the end.
   */
  read(partition: Partition, stored: Stored, offset: number, maxMessages: number): Message[] {
    const count = this.#readable(partition, stored, offset, maxMessages);
    if (count === 0) return [];
    const sql =
      `SELECT id - (?1 << ${OFFSET_BITS}) AS offset, timestamp, key, headers, value FROM records ${ONWARDS}`;
    const rows = this.#database.all<RecordRow>(sql, partition.id, offset, count);
    return rows.map((row) => toMessage(partition, row));
  }

  /** How many messages fit into a read. Starts with a guess by their mean size. */
  #readable({ id }: Partition, { first, next, bytes }: Stored, offset: number, maxMessages: number): number {
    const unread = next - Math.max(offset, first);
    if (unread <= 0) return 0;
    let count = Math.min(maxMessages, unread, Math.ceil(MAX_READ_BYTES * (next - first) / bytes));
    while (count > 1) {
      const sql = `SELECT total(size) AS size FROM (SELECT length(value) AS size FROM records ${ONWARDS})`;
      const { size } = this.#database.get<{ size: number }>(sql, id, offset, count)!;
      if (size <= MAX_READ_BYTES) break;
      count = Math.max(1, Math.floor(count * Math.min(MAX_READ_BYTES / size, 0.9)));
    }
    return count;
  }

  /** Offsets of the oldest message and of the next one to be stored. */
  bounds({ id }: Partition): Pick<Stored, "first" | "next"> {
    return this.#database.get<Stored>("SELECT first, next FROM partitions WHERE id = ?", id)!;
  }

  /**
   * Finds the first message that is not older than a time. A binary search, as timestamps ascend with
   * offsets.
   *
   * @param partition The partition.
   * @param time In milliseconds since 1970-01-01 UTC.
   * @returns Its offset; that of the next message to be stored if all are older.
   */
  since(partition: Partition, time: number): number {
    const sql = `SELECT timestamp FROM records WHERE id = ${RECORD_ID}`;
    let { first, next } = this.bounds(partition);
    while (first < next) {
      const middle = Math.floor((first + next) / 2);
      const { timestamp } = this.#database.get<{ timestamp: number }>(sql, partition.id, middle)!;
      if (timestamp < time) first = middle + 1;
      else next = middle;
    }
    return first;
  }

  /**
   * Lists all topics.
   *
   * @param group Whose commits to include.
   */
  list(group: string | null): TopicInfo[] {
    const rows = this.#database.all<PartitionInfo & { name: string }>(
      `SELECT t.name, p.number AS partition, p.first AS start, p.next AS "end", c.offset AS committed
      FROM topics t JOIN partitions p ON p.topic = t.id
      LEFT JOIN commits c ON c.partition = p.id AND c.group_name = ? ORDER BY t.name, p.number`,
      group,
    );
    const byName = Map.groupBy(rows, ({ name }) => name);
    const withoutName = ({ name: _, ...info }: PartitionInfo & { name: string }) => info;
    return [...byName].map(([name, partitions]) => ({ name, partitions: partitions.map(withoutName) }));
  }
}

function toMessage({ topic, number }: Partition, row: RecordRow): Message {
  const { offset, timestamp, value } = row;
  try {
    return { topic, partition: number, offset, timestamp, value, ...decodeRecord(row) };
  } catch (cause) {
    const message = `Cannot read message ${offset} of ${topic}, partition ${number}: it is damaged`;
    throw new BusError("corrupt", message, { cause });
  }
}
