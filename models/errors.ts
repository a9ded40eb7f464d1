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
export class ModelError extends Error {
  /** Always `ModelError`. */
  override readonly name = "ModelError";
  /** Which kind of failure; see {@linkcode ModelErrorCode}. */
  readonly code: ModelErrorCode;
  /** Whether the same call can succeed later without a change by the caller. */
  readonly retriable: boolean;

  /**
   * Makes an error.
   *
   * @param code The kind of failure.
   * @param message One or two lines for a person.
   * @param options `cause`: the error underneath.
   */
  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = RETRIABLE.has(code);
  }
}

/** Why an image can't be classified. All of them lie in the image: the same bytes fail again. */
export type ImageErrorCode = "empty" | "not_an_image" | "unsupported" | "damaged" | "too_many_pixels";

/**
 * An image that can't be decoded. It does not leave the classifier as an exception: there it becomes an `Outcome`.
 */
export class ImageError extends Error {
  /** Always `ImageError`. */
  override readonly name = "ImageError";
  /** What is wrong with the image. */
  readonly code: ImageErrorCode;
  /** Never: the same bytes fail again. */
  readonly retriable = false;

  /**
   * Makes an error.
   *
   * @param code What is wrong with the image.
   * @param message One or two lines for a person.
   * @param options `cause`: the error underneath.
   */
  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
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
