import { createHash } from "node:crypto";
import { resolve } from "node:path";

/** What an id is derived from. */
export type IdSource = "path" | "hash" | "file";

/**
 * The id of a file, the same each time. The model is part of it: results are kept by id, and two models have
 * a result each.
 *
 * @param source The absolute path of the file, or its content, or both.
 * @param model The model.
 * @param file The path.
 * @param image The content.
 * @returns A UUID of version 8 (RFC 9562), made of a SHA-256.
 */
export function derivedId(source: IdSource, model: string, file: string, image: Uint8Array): string {
  const hash = createHash("sha256").update(`${source}\0${model}\0`);
  if (source !== "hash") hash.update(resolve(file));
  if (source === "file") hash.update("\0");
  if (source !== "path") hash.update(image);
  const bytes = hash.digest();
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  const hex = bytes.toString("hex", 0, 16);
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
