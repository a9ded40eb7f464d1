/** `imab`: marks the file as a bus, for `file(1)` and for us. */
export const APPLICATION_ID = 0x696d6162;

/** Raised with every change of the tables that an older version could not read or would damage. */
export const SCHEMA_VERSION = 1;

/** Pages of this size hold a small image with its headers beside others, so that few images overflow into pages of their own. */
export const PAGE_BYTES = 8_192;

/** A record's id is its partition's id, shifted by so many bits, plus its offset. */
export const OFFSET_BITS = 40;

/**
 * Records are an ordinary table, not one without rowid: there, SQLite moves all but a quarter of a page of each row into
 * overflow pages, and images of 2 to 8 KB took three times their size.
 *
 * Of a member that is not renewed in time, the others remove the row, and with it its claims. Its id is never given out
 * again, so that a claim's owner can be told by it alone.
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
