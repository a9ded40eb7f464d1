import { CodedError } from "../lib/coded_error.ts";

/**
 * What can go wrong in the service. Sinks have errors of their own: `SinkError`.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an option is not what it must be | no |
 * | `worker_failed` | a Worker threw on a batch, and goes on | yes |
 * | `worker_died` | a Worker ended by itself | yes |
 * | `worker_silent` | a Worker did not answer within its deadline | yes |
 * | `decode_timeout` | a Worker was ended because one image took longer than `maxDecodeMs` | no |
 */
export type ServiceErrorCode =
  | "invalid"
  | "worker_failed"
  | "worker_died"
  | "worker_silent"
  | "decode_timeout";

const RETRIABLE: ReadonlySet<ServiceErrorCode> = new Set<ServiceErrorCode>([
  "worker_failed",
  "worker_died",
  "worker_silent",
]);

/**
 * A failure of the service. `message` states what failed, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { ServiceError } from "./errors.ts";
 * const error = new ServiceError("worker_died", "The Worker of mnist ended");
 * if (!error.retriable) throw error;
 * ```
 */
export class ServiceError extends CodedError<ServiceErrorCode> {
  /** `ServiceError`, also where the class has been renamed by a bundler. */
  override readonly name = "ServiceError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One line for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}

/** @deprecated The former name of {@linkcode ServiceError}. What sinks throw is a `SinkError` now. */
export const ActorError = ServiceError;

/** @deprecated The former name of {@linkcode ServiceError}. */
export type ActorError = ServiceError;
