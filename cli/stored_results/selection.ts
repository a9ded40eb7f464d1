import type { Database, Value } from "./database.ts";

/** Which results. */
export interface Selection {
  /** Of these ids. */
  readonly ids?: readonly string[];
  /** Classified or failed then or later. */
  readonly since?: Date;
  readonly model?: string;
  /** The predicted class. */
  readonly label?: string;
  /** Classified with a confidence below this, 0 to 1. */
  readonly below?: number;
  readonly failed?: boolean;
  /** Probably none of the model's classes. */
  readonly unknown?: boolean;
  /** Classified as another class than their true label. */
  readonly wrong?: boolean;
  /** With a true label. */
  readonly labelled?: boolean;
  /** Older than the result of this id. */
  readonly before?: string;
}

/** The condition of a statement, with the values of its parameters. */
export class Conditions {
  readonly #database: Database;
  readonly #conditions: string[] = [];
  readonly values: Value[] = [];

  /**
   * @param database Whose SQL is written.
   * @param selection Which results.
   */
  constructor(database: Database, selection: Selection) {
    const { ids, since, model, label, below, failed, unknown, wrong, labelled, before } = selection;
    this.#database = database;
    if (ids !== undefined && ids.length > 0) this.add(`id IN (${ids.map((id) => this.bind(id)).join(", ")})`);
    if (since !== undefined) this.add(`at >= ${this.bind(since.toISOString())}`);
    if (model !== undefined) this.add(`model = ${this.bind(model)}`);
    if (label !== undefined) this.add(`label = ${this.bind(label)}`);
    if (below !== undefined) this.add(`confidence < ${this.bind(below)}`);
    if (failed) this.add("status = 'failed'");
    if (unknown) this.add("unknown IS TRUE");
    if (wrong) this.add(`status = 'classified' AND actual IS NOT NULL AND NOT ${isCorrect(database)}`);
    if (labelled) this.add("actual IS NOT NULL");
    if (before !== undefined) this.add(`(at, id) < (${this.keyOf(before)})`);
  }

  /** Adds a condition. */
  add(condition: string): void {
    this.#conditions.push(`(${condition})`);
  }

  /** Adds a parameter, and returns what stands for it. */
  bind(value: Value): string {
    this.values.push(value);
    return this.#database.mark + this.values.length;
  }

  /** The place of a result in the order of time, as a query. */
  keyOf(id: string): string {
    return `SELECT at, id FROM ${this.#database.table} WHERE id = ${this.bind(id)}`;
  }

  /** `WHERE …`, or nothing. */
  get where(): string {
    return this.#conditions.length === 0 ? "" : `WHERE ${this.#conditions.join(" AND ")}`;
  }
}

/**
 * Whether a classified image with a true label is right, as SQL: senders give the true label by name or by index; where
 * labels are numbers themselves, it is the name.
 */
export function isCorrect({ hasName }: Database): string {
  return `(label = actual OR (${hasName} AND CAST(label_index AS text) = actual))`;
}
