/**
 * The contract between imagebus and a message log, and the logs there are: Kafka, the embedded SQLite bus,
 * memory.
 *
 * @example A bus in memory, for tests
 * ```ts
 * import { createMemoryBroker } from "./mod.ts";
 * await using transport = createMemoryBroker().connect();
 * await transport.send("greetings", [{ value: new TextEncoder().encode("hello") }]);
 * ```
 *
 * @module
 */
export type * from "./transport.ts";
export { BusError, type BusErrorCode } from "./errors.ts";
export {
  createMemoryBroker,
  type MemoryBroker,
  type MemoryBrokerOptions,
  type MemoryTransportOptions,
} from "./memory.ts";
export {
  type AwsLogin,
  type Compression,
  type KafkaTransportOptions,
  type OauthLogin,
  openKafkaTransport,
  type PasswordLogin,
  type SaslOptions,
  type TlsOptions,
} from "./kafka/open.ts";
export { openSqliteTransport, type SqliteTransportOptions } from "./sqlite/open.ts";
export type { Synchronous } from "./sqlite/options.ts";
