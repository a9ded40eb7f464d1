import { ModelError } from "../../models/errors.ts";

/**
 * The error for a file that is not a model of Keras, or that has something which is not supported.
 *
 * @param message What is wrong, and what would be right.
 * @param options `cause`: the underlying error.
 */
export function invalid(message: string, options?: ErrorOptions): ModelError {
  return new ModelError("invalid", message, options);
}
