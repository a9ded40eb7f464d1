/** A row of the table of results, by column; numbers, texts, booleans and JSON values are those of the database. */
export type Row = Readonly<Record<string, unknown>>;

/** A value in the place of a parameter. */
export type Value = string | number;

/** A database that holds the table of results (docs/results.md). */
export interface Database extends AsyncDisposable {
  /** For messages, without a password: a path, or `postgres me@host/images`. */
  readonly name: string;
  /** The table, as SQL. */
  readonly table: string;
  /** The table of comparisons, as SQL; `null` where an older imagebus did not create it. */
  readonly comparisons: string | null;
  /** What stands before the number of a parameter. */
  readonly mark: "?" | "$";
  /** Whether a label is more than a number, as SQL. */
  readonly hasName: string;
  /**
   * Runs a statement.
   *
   * @param sql With parameters from 1, such as `?1`.
   * @param values Of the parameters.
   * @returns Its rows.
   */
  all(sql: string, values: readonly Value[]): Promise<readonly Row[]>;
}
