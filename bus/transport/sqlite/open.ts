/**
 * The embedded bus: one SQLite file, shared by the processes of one machine, with nothing to install.
 *
 * It works like a small Kafka: topics with partitions, groups that share them, commits. Differences:
 *
 * - **Durability.** `send` waits for the disk (`synchronous: "full"`), beside the transaction (lib/wal_sync.ts): others can
 *   read a message before the disk has it. What they store in return comes later in the same log, so a power failure takes
 *   that first. If the disk refuses, everything is refused until the program is started again. With `"normal"` it does not: nothing
 *   is lost if a process is killed, but the last messages before a power failure may be. Concurrent sends
 *   share a transaction, so only sequential sends gain much. Measured with messages of 500 bytes on two
 *   virtual cores: sequential sends, 1,300 to 2,400 per second with `"full"`, 5,200 to 7,400 with `"normal"`;
 *   256 concurrent sends, 44,000 to 53,000, and 63,000 to 82,000. Reading is the same for both: 105,000 to
 *   165,000 per second.
 * - **Latency.** A message reaches a waiting subscription of the same connection at once, of another process
 *   within a millisecond after it is stored (Linux, where a file beside the database, `-bell`, is a doorbell; elsewhere within
 *   8 ms). A waiting subscription takes half a per cent of a core.
 * - **Groups.** A member without a heartbeat for `sessionTimeoutMs` is evicted. When members come or go, each
 *   keeps as many partitions as it can; a partition that moves is released once all that was delivered is
 *   committed, or after `sessionTimeoutMs`.
 * - **Retention.** A message is removed when it is older than `retentionMs` and every group that has ever
 *   committed anything in its topic is past it. A topic without a group keeps its messages for the first one,
 *   whatever their age; only topics in `expiringTopics` are removed by age alone. When `maxQueueBytes` are
 *   reached, messages that every group is past are removed at once, the oldest first, then those of expiring
 *   topics; if that is not enough, `send` rejects with `queue_full`, except for answers to what was accepted. The file does
 *   not shrink; the space inside is reused.
 * - **Blocking.** SQLite runs on the calling thread. A transaction is limited to about 1 MiB or 10 ms of
 *   work; a single message of many MiB takes longer.
 * - **File system.** The file must be on a local disk: SQLite's write-ahead log does not work over a network.
 *
 * @module
 */
import { dirname } from "node:path";
import { explainFileError } from "../../../lib/file_errors.ts";
import { whenUnlocked } from "../../../lib/sqlite.ts";
import { BusError } from "../errors.ts";
import { PolledChanges } from "./changes.ts";
import { Database } from "./database.ts";
import { checkSqliteOptions, type SqliteTransportOptions } from "./options.ts";
import { Store } from "./store.ts";
import { SqliteTransport } from "./transport.ts";
import type { Transport } from "../transport.ts";

export type { SqliteTransportOptions } from "./options.ts";

/**
 * Opens the embedded bus.
 *
 * @param path The file. It is created if it does not exist, and so is its directory.
 * @param options Limits and timeouts.
 * @throws {BusError} `invalid` option, or a file that is not a bus or of a newer version; `denied`; `corrupt`; `unavailable`.
 *
 * @example
 * ```ts
 * import { openSqliteTransport } from "./open.ts";
 * const directory = await Deno.makeTempDir();
 * await using transport = await openSqliteTransport(`${directory}/bus.db`);
 * await transport.send("greetings", [{ value: new TextEncoder().encode("hello") }]);
 * for await (const { messages } of await transport.subscribe(["greetings"])) {
 *   if (new TextDecoder().decode(messages[0]!.value) === "hello") break;
 * }
 * ```
 */
export async function openSqliteTransport(
  path: string,
  options: SqliteTransportOptions = {},
): Promise<Transport> {
  const settings = checkSqliteOptions(options);
  await createDirectory(path);
  const open = () => new Database(path, settings.synchronous);
  const database = await whenUnlocked(open, isLocked, settings.busyTimeoutMs);
  const store = new Store(database, new PolledChanges(database), settings);
  return new SqliteTransport(store, {
    ...settings,
    url: `sqlite:${path}`,
    release: () => store[Symbol.dispose](),
  });
}

function isLocked(error: unknown): boolean {
  return error instanceof BusError && error.code === "unavailable";
}

async function createDirectory(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    // The directory may exist already; if not, opening the file fails with the permissions that are missing.
    if (error instanceof Deno.errors.NotCapable) return;
    const { code, message } = explainFileError("create", directory, error);
    throw new BusError(
      code === "not_found" || code === "exists" ? "invalid" : code,
      `Cannot open the bus "${path}": ${message}`,
      { cause: error },
    );
  }
}
