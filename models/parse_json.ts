import { messageOf } from "../lib/coded_error.ts";
import { ModelError, type ModelErrorCode } from "./errors.ts";

/** Maximum length of JSON, in characters. */
const MAX_CHARACTERS = 2 ** 24;

/**
 * Parses JSON of an untrusted file.
 *
 * @param content The JSON, as text or as UTF-8.
 * @param where The file, for messages.
 * @param code Of the error. @default {"invalid"}
 * @throws {ModelError} If it is not JSON, or longer than 2²⁴ characters.
 */
export function parseJson(
  content: string | Uint8Array,
  where: string,
  code: ModelErrorCode = "invalid",
): unknown {
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  if (text.length > MAX_CHARACTERS) {
    throw new ModelError(code, `${where} has ${text.length} characters; at most ${MAX_CHARACTERS} are read`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError(code, `${where} is not JSON: ${messageOf(cause)}`, { cause });
  }
}
