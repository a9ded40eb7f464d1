import { ModelError } from "../../models/errors.ts";

/** The largest architecture that is read, in characters. */
const MAX_CHARACTERS = 2 ** 24;

/**
 * Parses JSON of an untrusted file.
 *
 * @param text The JSON.
 * @param where The file and the part of it, for messages.
 * @throws {ModelError} `invalid`
 */
export function parseJson(text: string, where: string): unknown {
  if (text.length > MAX_CHARACTERS) {
    throw new ModelError(
      "invalid",
      `${where} has ${text.length} characters; at most ${MAX_CHARACTERS} are read`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError("invalid", `${where} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
