/**
 * The whole data sets, for tests that need them: they are too large for this repository.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { directoryUrl } from "../models/read_url.ts";

/**
 * Finds the data sets: `IMAGEBUS_DATA`, else what the script `../shared/data/unpack` beside the repository lays out, once
 * for all runs, in the directory for temporary files.
 *
 * @returns The directory of data, or undefined where there is neither.
 */
export async function findTestData(): Promise<URL | undefined> {
  const asked = Deno.env.get("IMAGEBUS_DATA");
  if (asked) return directoryUrl(asked);
  const script = new URL("../../shared/data/unpack", import.meta.url);
  if (!await exists(script)) return undefined;
  const cache = pathToFileURL(`${tmpdir()}/imagebus-test-data/`);
  if (!await exists(cache)) await unpack(script, cache);
  return cache;
}

/**
 * What the name of a test ends with, so that it says why it is skipped.
 *
 * @param directory As {@linkcode findTestData} gives it.
 * @returns Nothing where there is data.
 */
export function skipped(directory: URL | undefined): string {
  return directory === undefined ? " (skipped: it needs the whole data sets; set IMAGEBUS_DATA)" : "";
}

/** Several test files may do so at once: each into a directory of its own, and the first that is done gives the name. */
async function unpack(script: URL, cache: URL): Promise<void> {
  const mine = await Deno.makeTempDir({ prefix: "imagebus-test-data-" });
  const { success, stderr } = await new Deno.Command(script, { args: [mine], stderr: "piped" }).output();
  if (!success) {
    await Deno.remove(mine, { recursive: true });
    throw new Error(`The data sets can't be unpacked: ${new TextDecoder().decode(stderr)}`);
  }
  await Deno.rename(mine, cache).catch(() => Deno.remove(mine, { recursive: true }));
}

async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}
