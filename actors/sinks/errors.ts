import { CodedError } from "../../lib/coded_error.ts";

/**
 * What can go wrong with a sink.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | the user must fix it: option, URL, password, rights, a file that cannot be opened or is of another kind | no |
 * | `failed` | the file or database refuses what is written | no |
 * | `unavailable` | the server cannot be reached, or does not answer in time | yes |
 */
export type SinkErrorCode = "invalid" | "failed" | "unavailable";

const RETRIABLE: ReadonlySet<SinkErrorCode> = new Set<SinkErrorCode>(["unavailable"]);

/**
 * A failure of a sink. `message` states what failed, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { SinkError } from "./errors.ts";
 * const error = new SinkError("unavailable", "PostgreSQL at db:5432 is unavailable: connection refused");
 * if (!error.retriable) throw error;
 * ```
 */
export class SinkError extends CodedError<SinkErrorCode> {
  /** `SinkError`, also where the class has been renamed by a bundler. */
  override readonly name = "SinkError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One line for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: SinkErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}
