import { CodedError } from "../lib/coded_error.ts";

/**
 * What can go wrong with a model or with the data it is trained on. For images see {@linkcode ImageError}.
 *
 * | code | meaning | retriable |
 * |---|---|---|
 * | `invalid` | an argument or option is not what it must be | no |
 * | `invalid_manifest` | a `manifest.json` is not JSON, or a field of it is wrong | no |
 * | `not_found` | a directory, a model or a file is not there | no |
 * | `damaged` | weights or data are not what their description says | no |
 * | `denied` | the file system or Deno's permissions refuse access | no |
 * | `unavailable` | a file can't be fetched or written at the moment | yes |
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
 * A failure of a model. `message` names what was wrong, the value, and what would be right.
 *
 * @example
 * ```ts
 * import { ModelError } from "./errors.ts";
 * const error = new ModelError("not_found", 'No model "cats"; there are cifar-10, fashion-mnist, mnist');
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
   * @param message One or two lines for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(code, RETRIABLE, message, options);
  }
}

/** Why an image can't be classified. All of them lie in the image: the same bytes fail again. */
export type ImageErrorCode = "empty" | "not_an_image" | "unsupported" | "damaged" | "too_many_pixels";

/** The same bytes fail again. */
const NONE: ReadonlySet<ImageErrorCode> = new Set<ImageErrorCode>();

/**
 * An image that can't be decoded. It does not leave the classifier as an exception: there it becomes an `Outcome`.
 */
export class ImageError extends CodedError<ImageErrorCode> {
  /** `ImageError`, also where the class has been renamed by a bundler. */
  override readonly name = "ImageError";

  /**
   * Creates an error.
   *
   * @param code Kind of failure.
   * @param message One or two lines for a person.
   * @param options `cause`: the underlying error.
   */
  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(code, NONE, message, options);
  }
}

/**
 * What `JsonFields` throws for a field that is not what it must be.
 *
 * @param code Of the error.
 */
export function fieldError(code: ModelErrorCode): (message: string) => ModelError {
  return (message) => new ModelError(code, message);
}
