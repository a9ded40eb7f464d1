/** Why SQLite refused a file. */
export interface SqliteFault {
  /** `locked`, `full` and `unavailable` can pass by themselves. */
  readonly code: "locked" | "denied" | "damaged" | "foreign" | "full" | "unavailable" | "too_large";
  /** What SQLite reported, and what would be right. */
  readonly message: string;
}

interface Meaning {
  readonly code: SqliteFault["code"];
  readonly advice: string;
  /** Primary result codes: https://sqlite.org/rescode.html. */
  readonly results: readonly number[];
  /** The message of SQLite begins so: `exec` and opening a file report no result code. */
  readonly texts: readonly string[];
}

const MEANINGS: readonly Meaning[] = [
  {
    code: "locked",
    advice: "another program has locked it",
    results: [5, 6],
    texts: ["database is locked", "database table is locked"],
  },
  {
    code: "denied",
    advice: "this user must be able to write the file and its directory",
    results: [3, 8, 23],
    texts: ["attempt to write a readonly database"],
  },
  {
    code: "denied",
    advice: "it must be a file, in a directory that this user can write",
    results: [14],
    texts: ["unable to open database file"],
  },
  {
    code: "unavailable",
    advice: "the disk reports an error",
    results: [10],
    texts: ["disk I/O error"],
  },
  {
    code: "damaged",
    advice: "it is damaged; move it away to start with a new one",
    results: [11],
    texts: ["database disk image is malformed"],
  },
  {
    code: "foreign",
    advice: "choose another file, or move it away to start with a new one",
    results: [26],
    texts: ["file is not a database"],
  },
  {
    code: "full",
    advice: "the disk is full; free some space",
    results: [13],
    texts: ["database or disk is full"],
  },
  {
    code: "too_large",
    advice: "SQLite stores at most 1,000,000,000 bytes per value",
    results: [18],
    texts: ["string or blob too big"],
  },
];

/**
 * Explains why SQLite refused a file.
 *
 * @param error What was thrown.
 * @returns undefined if it has nothing to do with the file.
 */
export function explainSqliteError(error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR")) return undefined;
  const result = "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  const meaning = MEANINGS.find(({ results, texts }) =>
    results.includes(result!) || texts.some((text) => error.message.startsWith(text))
  );
  if (!meaning) return undefined;
  const { code, advice } = meaning;
  return { code, message: code === "full" ? advice : `${error.message}; ${advice}` };
}
