import { CodedError } from "../../lib/coded_error.ts";

/**
 * Kinds of failures of the bus.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an argument, option or URL is invalid, or its file is not a bus | no |
 * | `too_large` | a message exceeds the limit of this side or of the broker | no |
 * | `queue_full` | the embedded bus has reached its limit of unread bytes | yes |
 * | `unavailable` | the bus cannot be reached, or was busy for too long | yes |
 * | `denied` | the file system, the broker or Deno's permissions deny access | no |
 * | `corrupt` | the file is damaged | no |
 * | `closed` | the transport, subscription or bus is closed | no |
 * | `timeout` | no result came in time | yes |
 */
export type BusErrorCode =
  | "invalid"
  | "too_large"
  | "queue_full"
  | "unavailable"
  | "denied"
  | "corrupt"
  | "closed"
  | "timeout";

const RETRIABLE: ReadonlySet<BusErrorCode> = new Set<BusErrorCode>(["queue_full", "unavailable", "timeout"]);

/**
 * A failure of the bus. `message` contains what was wrong, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { BusError } from "./errors.ts";
 * const error = new BusError("timeout", "No result for image 7 within 30000 ms");
 * if (!error.retriable) throw error;
 * ```
 */
export class BusError extends CodedError<BusErrorCode> {
  /** `"BusError"`. */
  override readonly name = "BusError";

  /**
   * Creates the error; its code determines whether it is retriable.
   *
   * @param code Kind of failure.
   * @param message One line, human-readable.
   * @param options `cause`: the underlying error.
   */
  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}

/**
 * Whether the same call may succeed later.
 *
 * @param error Anything that was thrown.
 */
export function isRetriable(error: unknown): error is BusError {
  return error instanceof BusError && error.retriable;
}
