import { CodedError } from "../lib/coded_error.ts";

/**
 * What can go wrong with a model or its training data. For images see {@linkcode ImageErrorCode}.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an argument or option is invalid | no |
 * | `invalid_manifest` | a `manifest.json`, a `serving.json`, a recipe or a log is not JSON, or one of its fields is invalid | no |
 * | `not_found` | a directory, a model or a file does not exist | no |
 * | `damaged` | weights or data differ from their description | no |
 * | `denied` | the file system or Deno's permissions deny access | no |
 * | `unavailable` | a file cannot be fetched or written at the moment | yes |
 * | `backend` | TensorFlow.js failed; the same call on a new thread may succeed | yes |
 */
export type ModelErrorCode =
  | "invalid"
  | "invalid_manifest"
  | "not_found"
  | "damaged"
  | "denied"
  | "unavailable"
  | "backend";

const RETRIABLE: ReadonlySet<ModelErrorCode> = new Set<ModelErrorCode>(["unavailable", "backend"]);

/**
 * A failure of a model. `message` states what is wrong, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { ModelError } from "./errors.ts";
 * const error = new ModelError("not_found", 'There is no model "cats"; there are cifar-10, fashion-mnist, mnist');
 * if (error.retriable) throw error;
 * ```
 */
export class ModelError extends CodedError<ModelErrorCode> {
  /** `ModelError`, also where the class has been renamed by a bundler. */
  override readonly name = "ModelError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One or two human-readable lines.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}

/** Why an image cannot be classified. The same bytes always fail again. */
export type ImageErrorCode =
  | "empty"
  | "not_an_image"
  | "unsupported"
  | "damaged"
  | "too_many_pixels"
  | "over_limit";

const NONE: ReadonlySet<ImageErrorCode> = new Set<ImageErrorCode>();

/**
 * An image that cannot be decoded. A classifier returns it as an `Outcome` instead of throwing it.
 */
export class ImageError extends CodedError<ImageErrorCode> {
  /** `ImageError`, also where the class has been renamed by a bundler. */
  override readonly name = "ImageError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One or two human-readable lines.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(code, NONE, message, options);
  }
}

/**
 * Creates the errors that `JsonFields` throws for invalid fields.
 *
 * @param code Of the errors.
 */
export function fieldError(code: ModelErrorCode): (message: string) => ModelError {
  return (message) => new ModelError(code, message);
}
