import type postgres from "npm:postgres@3.4.9";
import { SinkError } from "../errors.ts";
import type { Address } from "./address.ts";
import { connectTo, targetOf } from "./connection.ts";
import { explain, type Target } from "./errors.ts";

/** One connection at a time. One that failed is discarded: none of its state can reach the next attempt. */
export class Session {
  readonly target: Target;
  readonly #address: Address;
  readonly #timeoutMs: number;
  #connection: postgres.Sql | undefined;

  /**
   * Does not connect yet.
   *
   * @param address Where the database is.
   * @param timeoutMs Timeout of an attempt, in milliseconds.
   * @throws {SinkError} `invalid` when the URL is malformed.
   */
  constructor(address: Address, timeoutMs: number) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#connection = connectTo(address);
    this.target = targetOf(this.#connection);
  }

  /** Whether the last attempt succeeded, or none was made. */
  get isIntact(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Does work on a connection.
   *
   * @param work Called once.
   * @throws {SinkError}
   */
  async attempt(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
    const sql = this.#connection ??= connectTo(this.#address);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      sql.end({ timeout: 0 });
    }, this.#timeoutMs);
    try {
      await work(sql);
    } catch (error) {
      this.#connection = undefined;
      await sql.end({ timeout: 0 });
      throw late ? this.#timeout(error) : explain(error, this.target);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#connection?.end({ timeout: 5 });
  }

  #timeout(cause: unknown): SinkError {
    const message = `PostgreSQL at ${this.target.server} did not answer within ${this.#timeoutMs} ms`;
    return new SinkError("unavailable", message, { cause });
  }
}
