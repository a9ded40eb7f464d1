/**
 * The whole data sets, for tests that need them; they are too large for this repository.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { directoryUrl } from "../models/read_url.ts";

/**
 * Finds the data sets: in `IMAGEBUS_DATA`, else in a temporary directory that the script
 * `../shared/data/unpack` beside the repository fills once for all runs.
 *
 * @returns The directory of data, or `undefined` if there is neither.
 */
export async function findTestData(): Promise<URL | undefined> {
  const given = Deno.env.get("IMAGEBUS_DATA");
  if (given) return directoryUrl(given);
  const script = new URL("../../shared/data/unpack", import.meta.url);
  if (!await exists(script)) return undefined;
  const cache = pathToFileURL(`${tmpdir()}/imagebus-test-data/`);
  if (!await exists(cache)) await unpack(script, cache);
  return cache;
}

/**
 * Finds files with known faults in the directory `../shared/cases` beside the repository.
 *
 * @returns The directory, or `undefined` if there is none.
 */
export async function findTestCases(): Promise<URL | undefined> {
  const cases = new URL("../../shared/cases/", import.meta.url);
  return await exists(cases) ? cases : undefined;
}

/**
 * The end of a test's name: why the test is skipped.
 *
 * @param directory From {@linkcode findTestData}.
 * @returns An empty text if there is data.
 */
export function skipped(directory: URL | undefined): string {
  return directory === undefined ? " (skipped: it needs the whole data sets; set IMAGEBUS_DATA)" : "";
}

/**
 * Test files may do so concurrently: each into its own directory, of which the first complete one is used.
 */
async function unpack(script: URL, cache: URL): Promise<void> {
  const draft = await Deno.makeTempDir({ prefix: "imagebus-test-data-" });
  const { success, stderr } = await new Deno.Command(script, { args: [draft], stderr: "piped" }).output();
  if (!success) {
    await Deno.remove(draft, { recursive: true });
    throw new Error(`Cannot unpack the data sets: ${new TextDecoder().decode(stderr)}`);
  }
  await Deno.rename(draft, cache).catch(() => Deno.remove(draft, { recursive: true }));
}

async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}
