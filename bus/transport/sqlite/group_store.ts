import type { Database } from "./database.ts";
import type { Log, Partition, Topic } from "./log.ts";

/** A partition that a member owns. */
export interface Holding {
  readonly partition: Partition;
  /** Offset of the next message for the group. */
  readonly position: number;
}

/** What a member owns after {@linkcode GroupStore.share}. */
export interface Share {
  /** Id of the member: a new one if the other members had evicted it. */
  readonly member: number;
  readonly generation: number;
  readonly holdings: readonly Holding[];
  /** How many partitions too many it owns, by topic. */
  readonly surplus: ReadonlyMap<string, number>;
  /** When the next of the other members expires, in milliseconds since 1970-01-01 UTC. */
  readonly expiresAt: number | null;
}

/**
 * Members, claims and commits of a group. All methods but `generation` must run inside a transaction.
 *
 * The members meet only in these tables. Each computes how many partitions of a topic are due to it, claims
 * free ones up to that number, and releases what exceeds it: no leader is needed, and no more partitions move
 * than necessary.
 *
 * A membership is a lease: `renewed + session` is when it expires. Whoever runs `share` after that deletes
 * the row, and with it the claims. Clocks are compared only within one machine. A commit is checked against
 * the claims in its own transaction, so an evicted owner cannot commit, even before it notices.
 */
export class GroupStore {
  readonly #database: Database;
  readonly #log: Log;
  readonly #group: string;
  readonly #topics: readonly Topic[];
  readonly #sessionMs: number;

  /**
   * @param database With the tables.
   * @param log In the same database.
   * @param group Name of the group.
   * @param topics That this member subscribes to.
   * @param sessionMs How long a membership lasts after a heartbeat, in milliseconds.
   */
  constructor(database: Database, log: Log, group: string, topics: readonly Topic[], sessionMs: number) {
    this.#database = database;
    this.#log = log;
    this.#group = group;
    this.#topics = topics;
    this.#sessionMs = sessionMs;
  }

  /** Number of changes of members and claims so far; cheap to read. */
  generation(): number {
    const sql = "SELECT generation FROM groups WHERE name = ?";
    return this.#database.get<{ generation: number }>(sql, this.#group)?.generation ?? 0;
  }

  #changed(): void {
    this.#database.run(
      "INSERT INTO groups VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET generation = generation + 1",
      this.#group,
    );
  }

  /** Commits the current ends for the group where it has committed nothing. */
  startAtEnd(): void {
    this.#database.run("INSERT OR IGNORE INTO groups (name) VALUES (?)", this.#group);
    for (const { id } of this.#topics) {
      this.#database.run(
        "INSERT OR IGNORE INTO commits SELECT ?, id, next FROM partitions WHERE topic = ?",
        this.#group,
        id,
      );
    }
  }

  /**
   * A heartbeat: renews the membership, evicts expired members, and claims free partitions that are due to
   * the member.
   *
   * @param member Its id; `null` to join.
   */
  share(member: number | null): Share {
    const id = member !== null && this.#renew(member) ? member : this.#join();
    this.#evictExpired(id);
    const surplus = new Map(
      this.#topics.map((topic) => [topic.partitions[0]!.topic, this.#settle(id, topic)]),
    );
    const holdings = this.#topics.flatMap((topic) => this.#holdings(id, topic));
    return { member: id, generation: this.generation(), holdings, surplus, expiresAt: this.#expiresAt(id) };
  }

  #expiresAt(member: number): number | null {
    const sql = "SELECT min(renewed + session) AS at FROM members WHERE group_name = ? AND id <> ?";
    return this.#database.get<{ at: number | null }>(sql, this.#group, member)!.at;
  }

  #renew(member: number): boolean {
    return this.#database.run("UPDATE members SET renewed = ? WHERE id = ?", Date.now(), member) > 0;
  }

  #join(): number {
    this.#changed();
    const { id } = this.#database.get<{ id: number }>(
      "INSERT INTO members (group_name, renewed, session) VALUES (?, ?, ?) RETURNING id",
      this.#group,
      Date.now(),
      this.#sessionMs,
    )!;
    for (const topic of this.#topics) {
      this.#database.run("INSERT INTO member_topics VALUES (?, ?)", id, topic.id);
    }
    return id;
  }

  /** A heartbeat in the future is from before the clock was set back: its member is most likely dead. */
  #evictExpired(member: number): void {
    const expired = "DELETE FROM members WHERE group_name = ? AND id <> ? AND abs(? - renewed) > session";
    if (this.#database.run(expired, this.#group, member, Date.now()) > 0) this.#changed();
  }

  /** Claims free partitions up to the number that is due; returns how many more than that are held. */
  #settle(member: number, topic: Topic): number {
    const held = this.#claimed(topic).filter((owner) => owner === member).length;
    const due = this.#due(member, topic);
    if (held < due) this.#claimFree(member, topic, due - held);
    return Math.max(0, held - due);
  }

  #claimed(topic: Topic): (number | null)[] {
    const rows = this.#database.all<{ member: number | null }>(
      `SELECT c.member FROM partitions p LEFT JOIN claims c ON c.partition = p.id AND c.group_name = ?
      WHERE p.topic = ?`,
      this.#group,
      topic.id,
    );
    return rows.map((row) => row.member);
  }

  /** Which members get one more differs between topics: topics with one partition are spread too. */
  #due(member: number, topic: Topic): number {
    const members = this.#database.all<{ id: number }>(
      "SELECT m.id FROM members m JOIN member_topics t ON t.member = m.id WHERE m.group_name = ? AND t.topic = ? ORDER BY m.id",
      this.#group,
      topic.id,
    );
    const rank = (members.findIndex(({ id }) => id === member) + topic.id) % members.length;
    const count = topic.partitions.length;
    return Math.floor(count / members.length) + (rank < count % members.length ? 1 : 0);
  }

  #claimFree(member: number, topic: Topic, count: number): void {
    const claimed = this.#database.run(
      `INSERT INTO claims SELECT ?1, id, ?2 FROM partitions WHERE topic = ?3
      AND id NOT IN (SELECT partition FROM claims WHERE group_name = ?1) ORDER BY number LIMIT ?4`,
      this.#group,
      member,
      topic.id,
      count,
    );
    if (claimed === 0) return;
    this.#changed();
    // Where it starts, so that the group is seen to read the partition before it has finished anything.
    this.#database.run(
      `INSERT OR IGNORE INTO commits SELECT c.group_name, p.id, p.first FROM claims c
      JOIN partitions p ON p.id = c.partition WHERE c.group_name = ? AND c.member = ? AND p.topic = ?`,
      this.#group,
      member,
      topic.id,
    );
  }

  #holdings(member: number, { id, partitions }: Topic): Holding[] {
    const rows = this.#database.all<{ number: number; position: number | null }>(
      `SELECT p.number, o.offset AS position FROM claims c JOIN partitions p ON p.id = c.partition
      LEFT JOIN commits o ON o.partition = p.id AND o.group_name = c.group_name
      WHERE c.group_name = ? AND c.member = ? AND p.topic = ?`,
      this.#group,
      member,
      id,
    );
    return rows.map(({ number, position }) => {
      const partition = partitions[number]!;
      const { first, next } = this.#log.bounds(partition);
      return { partition, position: Math.min(Math.max(position ?? 0, first), next) };
    });
  }

  /**
   * Stores how far a claim has been processed.
   *
   * @returns Whether the member still owns the partition; if not, nothing is stored.
   */
  commit(member: number, partition: Partition, offset: number): boolean {
    return this.#database.run(
      `INSERT INTO commits SELECT group_name, partition, ?4 FROM claims
      WHERE group_name = ?1 AND partition = ?2 AND member = ?3
      ON CONFLICT DO UPDATE SET offset = excluded.offset`,
      this.#group,
      partition.id,
      member,
      offset,
    ) > 0;
  }

  /** Releases a partition. */
  release(member: number, partition: Partition): void {
    const sql = "DELETE FROM claims WHERE group_name = ? AND partition = ? AND member = ?";
    if (this.#database.run(sql, this.#group, partition.id, member) > 0) this.#changed();
  }

  /** Ends the membership and releases everything. */
  leave(member: number): void {
    if (this.#database.run("DELETE FROM members WHERE id = ?", member) > 0) this.#changed();
  }
}
