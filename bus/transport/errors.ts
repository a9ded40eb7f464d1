import { CodedError } from "../../lib/coded_error.ts";

/**
 * What can go wrong on the bus.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an argument, option or URL is not what it must be | no |
 * | `too_large` | a message is over the limit of this side or of the broker | no |
 * | `queue_full` | the embedded bus holds as many unread bytes as it may | yes |
 * | `unavailable` | the bus can't be reached, or is busy for too long | yes |
 * | `denied` | the file system, the broker or Deno's permissions refuse access | no |
 * | `corrupt` | the bus's file is not a bus, or is damaged | no |
 * | `closed` | the transport, subscription or bus was closed | no |
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
 * A failure of the bus. `message` names what was wrong, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { BusError } from "./errors.ts";
 * const error = new BusError("timeout", "No result for image 7 within 30000 ms");
 * if (!error.retriable) throw error;
 * ```
 */
export class BusError extends CodedError<BusErrorCode> {
  /** `BusError`, also where the class has been renamed by a bundler. */
  override readonly name = "BusError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One or two lines for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}
