/**
 * What can go wrong in the service.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an option is not what it must be | no |
 * | `worker_failed` | a Worker threw on a batch and is still there | yes |
 * | `worker_died` | a Worker ended by itself | yes |
 * | `worker_silent` | a Worker did not answer within its deadline | yes |
 * | `sink` | a sink can't be opened or written | no |
 * | `sink_unavailable` | the server of a sink can't be reached, or does not answer | yes |
 */
export type ActorErrorCode =
  | "invalid"
  | "worker_failed"
  | "worker_died"
  | "worker_silent"
  | "sink"
  | "sink_unavailable";

/**
 * A failure of the service. `message` names what was wrong, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { ActorError } from "./errors.ts";
 * const error = new ActorError("worker_died", "The Worker of mnist ended");
 * if (!error.retriable) throw error;
 * ```
 */
export class ActorError extends Error {
  /** Always `ActorError`. */
  override readonly name = "ActorError";
  /** Which kind of failure; see {@linkcode ActorErrorCode}. */
  readonly code: ActorErrorCode;
  /** Whether the same work can succeed later without a change by the caller. */
  readonly retriable: boolean;

  /**
   * Makes an error.
   *
   * @param code The kind of failure.
   * @param message One or two lines for a person.
   * @param options `cause`: the error underneath.
   */
  constructor(code: ActorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = code.startsWith("worker_") || code === "sink_unavailable";
  }
}
