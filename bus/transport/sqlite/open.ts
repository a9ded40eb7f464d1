/**
 * The embedded bus: one SQLite file, shared by the processes of one machine, with nothing to install.
 *
 * It behaves as Kafka does, in small: topics with partitions, groups that share them, commits. What differs:
 *
 * - **Durability.** What is sent waits for the disk (`synchronous: "full"`). With `"normal"` it does not: nothing is lost
 *   when a process is killed, but what was sent in the last moments before a power failure may be. Sends at the same time
 *   share a transaction, so only sends one after the other gain much. Measured with 500-byte messages on two virtual
 *   cores: one after the other 1,300 to 2,400 a second with `"full"`, 5,200 to 7,400 with `"normal"`; 256 at a time 44,000
 *   to 53,000, and 63,000 to 82,000. Reading is the same for both: 105,000 to 165,000 a second.
 * - **Waking.** A message reaches a waiting subscription of the same connection at once, one in another process after 3 to
 *   5 ms, storing included. A subscription that waits takes half a per cent of a core.
 * - **Groups.** A member that is silent for `sessionTimeoutMs` is given up. When members come or go, each one keeps as much
 *   as it can; what it has to hand over goes to the new owner once all that was delivered is committed, or after
 *   `sessionTimeoutMs`.
 * - **Retention.** A message is removed when it is older than `retentionMs` and every group that ever committed anything of
 *   its topic is past it. A topic without a group waits for its first one, whatever its age; only those named in
 *   `expiringTopics` are removed by age alone. When `maxQueueBytes` are reached, messages that every group is past are
 *   removed at once, the oldest first, then those of expiring topics; if that is not enough, `send` rejects with
 *   `queue_full`. The file keeps its largest size; the space inside is used again.
 * - **Blocking.** SQLite works on the thread that calls it. A transaction takes up about a mebibyte or ten milliseconds of
 *   work; a single message of many mebibytes takes longer.
 * - **File system.** The file must lie on a local disk: SQLite's write-ahead log does not work over a network.
 *
 * @module
 */
import { dirname } from "node:path";
import { explainFileError } from "../../../lib/file_errors.ts";
import { openWhenUnlocked } from "../../../lib/sqlite.ts";
import { BusError } from "../errors.ts";
import { PolledChanges } from "./changes.ts";
import { Database } from "./database.ts";
import { checkSqliteOptions, type SqliteSettings, type SqliteTransportOptions } from "./options.ts";
import { Store } from "./store.ts";
import { SqliteTransport } from "./transport.ts";
import type { Transport, TransportEvent } from "../transport.ts";

export type { SqliteTransportOptions } from "./options.ts";

/**
 * Opens the embedded bus.
 *
 * @param path The file. It is made when it does not exist, and so is its directory.
 * @param options Bounds and times.
 * @throws {BusError} `invalid` option, or a file of a newer version; `denied`; `corrupt`; `unavailable`.
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
  await makeDirectory(path);
  const database = await openDatabase(path, settings);
  const store = new Store(database, new PolledChanges(database), {
    ...settings,
    onUnavailable: (reason) => settings.onEvent?.(availability(reason)),
  });
  return new SqliteTransport(store, {
    ...settings,
    url: `sqlite:${path}`,
    capabilities: { durable: settings.synchronous === "full" ? "power" : "process", shared: true },
    release: () => store[Symbol.dispose](),
  });
}

function availability(reason: string | null): TransportEvent {
  return reason === null ? { type: "connected" } : { type: "disconnected", reason };
}

async function makeDirectory(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    // It may be there already; if not, opening the file tells what is missing.
    if (error instanceof Deno.errors.NotCapable) return;
    const { code, message } = explainFileError("create", directory, error);
    throw new BusError(
      code === "not_found" || code === "exists" ? "invalid" : code,
      `The bus "${path}" failed: ${message}`,
      {
        cause: error,
      },
    );
  }
}

function openDatabase(path: string, { synchronous, busyTimeoutMs }: SqliteSettings): Promise<Database> {
  const isLocked = (error: unknown) => error instanceof BusError && error.retriable;
  return openWhenUnlocked(() => new Database(path, synchronous), isLocked, busyTimeoutMs);
}
