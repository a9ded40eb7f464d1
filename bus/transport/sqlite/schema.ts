/** `imab`: identifies the file as a bus, also for `file(1)`. */
export const APPLICATION_ID = 0x696d6162;

/** Incremented with each change that an older version could not read, or would damage. */
export const SCHEMA_VERSION = 1;

/** Large enough that most small images with their headers need no overflow pages. */
export const PAGE_BYTES = 8_192;

/** The id of a record is the id of its partition, shifted left by this many bits, plus its offset. */
export const OFFSET_BITS = 40;

/**
 * The id of the record of partition ?1 at offset ?2. Numbers arrive as REAL, and the sum would lose the last bit from partition
 * 8,192 on.
 */
export const RECORD_ID = `(?1 << ${OFFSET_BITS}) + CAST(?2 AS INTEGER)`;

/**
 * `records` has a rowid: without one, SQLite moves all but a quarter of a page of each row into overflow
 * pages, and images of 2 to 8 KB took three times their size.
 *
 * `members.renewed` is the last heartbeat and `session` how long the membership lasts after it, in
 * milliseconds. When it has expired, another member deletes the row, and with it the claims. An id is never
 * reused, so it alone identifies the owner of a claim.
 */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    expires INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  `CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL REFERENCES topics,
    number INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
  ) STRICT`,
  `CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    timestamp INTEGER NOT NULL,
    key BLOB,
    headers TEXT,
    value BLOB NOT NULL
  ) STRICT`,
  `CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL REFERENCES groups,
    renewed INTEGER NOT NULL,
    session INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE member_topics (
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    topic INTEGER NOT NULL REFERENCES topics,
    PRIMARY KEY (topic, member)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE claims (
    group_name TEXT NOT NULL REFERENCES groups,
    partition INTEGER NOT NULL REFERENCES partitions,
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    PRIMARY KEY (group_name, partition)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE commits (
    group_name TEXT NOT NULL REFERENCES groups,
    partition INTEGER NOT NULL REFERENCES partitions,
    offset INTEGER NOT NULL,
    PRIMARY KEY (partition, group_name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX members_by_group ON members (group_name)`,
  `CREATE INDEX member_topics_by_member ON member_topics (member)`,
  `CREATE INDEX claims_by_member ON claims (member)`,
  `PRAGMA application_id = ${APPLICATION_ID}`,
  `PRAGMA user_version = ${SCHEMA_VERSION}`,
];
