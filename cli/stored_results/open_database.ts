import { isPostgres } from "../results_file.ts";
import type { Database } from "./database.ts";

/**
 * Opens a database of results.
 *
 * @param place A path, or a URL of PostgreSQL.
 * @param writable Whether it will be changed.
 * @returns `null` when there are none yet: no such file, or no tables.
 * @throws {UsageError} If the file is something else, or a database without results.
 * @throws {SinkError} If a server is not reached.
 */
export async function openDatabase(place: string, writable: boolean): Promise<Database | null> {
  return isPostgres(place)
    // The client is loaded only where it is used.
    ? await (await import("./postgres.ts")).openPostgres(place, writable)
    : await (await import("./sqlite.ts")).openSqlite(place, writable);
}
