import { createHash } from "node:crypto";

/**
 * A file name for an id: the id itself if it is a safe name, else its safe characters and a digest, so that different ids
 * have different names, also on file systems that ignore case.
 *
 * @param id Any text.
 * @param what Begins names that are not the id itself.
 * @returns A name without a path, at most 110 characters of `a-z 0-9 . _ -`, beginning with a letter or digit.
 */
export function fileNameOf(id: string, what: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(id) && !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/.test(id)) return id;
  const left = id.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 80);
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return left === "" ? digest : `${what}-${left}-${digest}`;
}
