import { CodedError } from "../lib/coded_error.ts";

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

const RETRIABLE: ReadonlySet<ActorErrorCode> = new Set<ActorErrorCode>([
  "worker_failed",
  "worker_died",
  "worker_silent",
  "sink_unavailable",
]);

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
export class ActorError extends CodedError<ActorErrorCode> {
  /** `ActorError`, also where the class has been renamed by a bundler. */
  override readonly name = "ActorError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One or two lines for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ActorErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}
