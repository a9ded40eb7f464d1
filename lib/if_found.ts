/**
 * Waits for what reads, runs or removes a file.
 *
 * @param promise Of an operation of Deno.
 * @returns What it resolved with; `null` if there is no such file or directory, or a file is in the place of a directory above it.
 * @throws What else it rejected with.
 */
export async function ifFound<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw error;
  }
}
