import { plural } from "../../lib/plural.ts";
import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";

/** A file of an image folder that cannot be read as an image. */
export interface BadFile {
  readonly url: URL;
  readonly reason: string;
}

/** More files are only counted. */
const MAX_SHOWN = 20;

/** An error with one line, for one file, or a list of the files in a folder. */
export function badFilesError(bad: readonly BadFile[], folder: URL): ModelError {
  const [{ url, reason }] = bad as [BadFile];
  if (bad.length === 1) {
    const message = `Cannot read ${showUrl(url)} as an image; fix or remove it, or use --skip-bad. ${reason}`;
    return new ModelError("damaged", message);
  }
  const files = `${plural(bad.length, "file")} in ${showUrl(folder)} as images`;
  const lines = describeBadFiles(bad, folder);
  return new ModelError(
    "damaged",
    [`Cannot read ${files}; fix or remove them, or use --skip-bad:`, ...lines].join("\n"),
  );
}

/** A line for each file, with its path in the folder; at most 20, then their number. */
export function describeBadFiles(bad: readonly BadFile[], folder: URL): string[] {
  const lines = bad.slice(0, MAX_SHOWN).map(({ url, reason }) =>
    `  ${decodeURIComponent(url.href.slice(folder.href.length))}: ${reason}`
  );
  return bad.length > MAX_SHOWN ? [...lines, `  and ${bad.length - MAX_SHOWN} more`] : lines;
}
