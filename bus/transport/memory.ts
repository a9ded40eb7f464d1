/**
 * A bus in this process, for tests. It is the embedded bus, groups and rebalancing included, without a file
 * or a disk to wait for. A consumer can be made to vanish like a killed process.
 *
 * @module
 */
import { Changes } from "./sqlite/changes.ts";
import { Database } from "./sqlite/database.ts";
import { checkSqliteOptions, SQLITE_OPTIONS, type SqliteTransportOptions } from "./sqlite/options.ts";
import { Store } from "./sqlite/store.ts";
import { SqliteTransport } from "./sqlite/transport.ts";
import type { Transport, TransportOptions } from "./transport.ts";

const DEFAULT_MAX_QUEUE_BYTES = 268_435_456;

/** What a broker in memory is made with. */
export type MemoryBrokerOptions = Pick<SqliteTransportOptions, "maxQueueBytes" | "retentionMs">;

/** What a connection to a broker in memory is made with. */
export interface MemoryTransportOptions
  extends
    TransportOptions,
    Pick<SqliteTransportOptions, "sessionTimeoutMs" | "heartbeatMs" | "expiringTopics"> {}

const { sessionTimeoutMs, heartbeatMs, expiringTopics } = SQLITE_OPTIONS;

/** Options of a bus in memory alone. */
export const MEMORY_OPTIONS = { sessionTimeoutMs, heartbeatMs, expiringTopics } as const;

/** Holds the messages of all its connections. */
export interface MemoryBroker extends Disposable {
  /**
   * Opens a connection.
   *
   * @param options Limits and timeouts.
   * @throws {BusError} `invalid`.
   */
  connect(options?: MemoryTransportOptions): Transport;
  /**
   * Ends a connection like the death of its process: nothing is finished, committed or released.
   *
   * @param transport A connection to this broker.
   */
  abandon(transport: Transport): void;
}

/**
 * Creates a bus in memory. Needs no permission.
 *
 * @param options `maxQueueBytes` (256 MiB by default), `retentionMs`.
 * @throws {BusError} `invalid`.
 *
 * @example
 * ```ts
 * import { createMemoryBroker } from "./memory.ts";
 * const broker = createMemoryBroker();
 * await using transport = broker.connect();
 * await transport.send("greetings", [{ value: new Uint8Array([1]) }]);
 * ```
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const settings = checkSqliteOptions({ maxQueueBytes: DEFAULT_MAX_QUEUE_BYTES, ...options });
  const store = new Store(new Database(":memory:", "normal"), new Changes(), settings);
  return {
    connect: (options = {}) =>
      new SqliteTransport(store, { ...checkSqliteOptions(options), url: "memory:", release() {} }),
    abandon: (transport) => (transport as SqliteTransport).abandon(),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}
