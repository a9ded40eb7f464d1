import { BusError } from "../errors.ts";
import { partitionOfKey } from "../murmur2.ts";
import type { Message, PartitionInfo, TopicInfo } from "../transport.ts";
import type { Database } from "./database.ts";
import { decodeRecord, recordBytes, type StoredRecord } from "./record.ts";
import { OFFSET_BITS } from "./schema.ts";

/** A read ends with the message that reaches this many bytes. */
const MAX_READ_BYTES = 1_048_576;

/** A partition of a topic. */
export interface Partition {
  /** Its key in the database. */
  readonly id: number;
  readonly topic: string;
  readonly number: number;
}

/** A topic. */
export interface Topic {
  /** Its key in the database. */
  readonly id: number;
  readonly partitions: readonly Partition[];
}

/** What a new topic is like. */
export interface TopicPlan {
  /** How many partitions it has. */
  readonly partitions: number;
  /** Whether its messages are removed by their age alone. */
  readonly expires: boolean;
}

interface RecordRow extends StoredRecord {
  readonly offset: number;
  readonly timestamp: number;
}

/** Topics and their messages. What changes something must run inside a transaction. */
export class Log {
  readonly #database: Database;
  readonly #topics = new Map<string, Topic>();
  #nextWithoutKey = Math.floor(Math.random() * 1_000);

  constructor(database: Database) {
    this.#database = database;
    database.onRollback = () => this.#topics.clear();
  }

  /**
   * Finds a topic, or makes it.
   *
   * @param name A valid name.
   * @param plan What it is like when it is made.
   */
  ensureTopic(name: string, plan: TopicPlan): Topic {
    return this.#find(name) ?? this.#make(name, plan);
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

  #make(name: string, { partitions, expires }: TopicPlan): Topic {
    const insert = "INSERT INTO topics (name, expires) VALUES (?, ?) RETURNING id";
    const { id } = this.#database.get<{ id: number }>(insert, name, Number(expires))!;
    const sql = "INSERT INTO partitions (topic, number) VALUES (?, ?)";
    for (let number = 0; number < partitions; number++) this.#database.run(sql, id, number);
    return this.#find(name)!;
  }

  /** Adds records to the ends of a topic's partitions. */
  append(topic: Topic, records: readonly StoredRecord[]): void {
    const timestamp = Date.now();
    for (const [partition, share] of this.#spread(topic, records)) {
      this.#appendTo(partition, timestamp, share);
    }
  }

  #spread({ partitions }: Topic, records: readonly StoredRecord[]): Map<Partition, StoredRecord[]> {
    return Map.groupBy(records, ({ key }) => {
      const number = key
        ? partitionOfKey(key, partitions.length)
        : this.#nextWithoutKey++ % partitions.length;
      return partitions[number]!;
    });
  }

  #appendTo({ id }: Partition, timestamp: number, records: readonly StoredRecord[]): void {
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    const { next } = this.#database.get<{ next: number }>(
      "UPDATE partitions SET next = next + ?, bytes = bytes + ? WHERE id = ? RETURNING next",
      records.length,
      bytes,
      id,
    )!;
    const sql = `INSERT INTO records VALUES ((?1 << ${OFFSET_BITS}) + ?2, ?3, ?4, ?5, ?6)`;
    let offset = next - records.length;
    for (const { key, headers, value } of records) {
      this.#database.run(sql, id, offset++, timestamp, key, headers, value);
    }
  }

  /**
   * Reads on.
   *
   * @param partition Where from.
   * @param offset The first offset that is wanted; the messages may begin later.
   * @param maxMessages The most to read; it ends sooner at about a mebibyte.
   * @returns In ascending order; empty at the end.
   */
  read(partition: Partition, offset: number, maxMessages: number): Message[] {
    const messages: Message[] = [];
    let bytes = 0;
    const sql = `SELECT id - (?1 << ${OFFSET_BITS}) AS offset, timestamp, key, headers, value FROM records
      WHERE id >= (?1 << ${OFFSET_BITS}) + ?2 AND id < (?1 + 1 << ${OFFSET_BITS}) ORDER BY id LIMIT ?3`;
    this.#database.each<RecordRow>(sql, [partition.id, offset, maxMessages], (row) => {
      messages.push(toMessage(partition, row));
      return (bytes += row.value.length) < MAX_READ_BYTES;
    });
    return messages;
  }

  /** The first and the next offset of a partition. */
  bounds({ id }: Partition): { first: number; next: number } {
    return this.#database.get("SELECT first, next FROM partitions WHERE id = ?", id)!;
  }

  /**
   * All topics.
   *
   * @param group Whose commits are told.
   */
  list(group: string | null): TopicInfo[] {
    const rows = this.#database.all<PartitionInfo & { name: string }>(
      `SELECT t.name, p.number AS partition, p.first AS start, p.next AS "end", c.offset AS committed
      FROM topics t JOIN partitions p ON p.topic = t.id
      LEFT JOIN commits c ON c.partition = p.id AND c.group_name = ? ORDER BY t.name, p.number`,
      group,
    );
    const byName = Map.groupBy(rows, ({ name }) => name);
    return [...byName].map(([name, partitions]) => ({ name, partitions: partitions.map(toPartitionInfo) }));
  }
}

function toPartitionInfo({ partition, start, end, committed }: PartitionInfo): PartitionInfo {
  return { partition, start, end, committed };
}

function toMessage({ topic, number }: Partition, row: RecordRow): Message {
  const { offset, timestamp, value } = row;
  try {
    return { topic, partition: number, offset, timestamp, value, ...decodeRecord(row) };
  } catch (cause) {
    throw new BusError("corrupt", `Message ${offset} of ${topic}, partition ${number}, can't be read`, {
      cause,
    });
  }
}
