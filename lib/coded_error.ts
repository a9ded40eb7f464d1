/**
 * What the error classes of all rooms share: a code for programs, a human-readable message, and whether to try again.
 *
 * `message` states what failed, the value, and what would be right.
 */
export abstract class CodedError<Code extends string> extends Error {
  /** Name of the class. */
  abstract override readonly name: string;
  /** Kind of failure. */
  readonly code: Code;
  /** Whether the same call can succeed later without a change by the caller. */
  readonly retriable: boolean;

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param retriable Codes whose failures can pass by themselves.
   * @param message One or two lines for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: Code, retriable: ReadonlySet<Code>, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = retriable.has(code);
  }
}

/**
 * The message of anything that was thrown.
 *
 * @param error Most often an `Error`; anything can be thrown.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
