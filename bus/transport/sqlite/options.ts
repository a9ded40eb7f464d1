import { BusError } from "../errors.ts";
import type { TransportOptions } from "../transport.ts";
import { checkInteger, checkTopic, checkTransportOptions, type TransportSettings } from "../validate.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Whether a commit waits until the disk has it (`"full"`), or only until the operating system has it. */
export type Synchronous = "full" | "normal";

/** What the embedded bus is made with. */
export interface SqliteTransportOptions extends TransportOptions {
  /**
   * `"full"`: what was sent survives a power failure. `"normal"`: it survives the end of every process.
   *
   * @default {"full"}
   */
  readonly synchronous?: "full" | "normal";
  /**
   * Messages are kept for so long, and longer while a group has not committed them (0 to 3,153,600,000,000: 100 years).
   *
   * @default {604_800_000}
   */
  readonly retentionMs?: number;
  /**
   * The most bytes of messages that the bus holds (1 to 2^53 - 1).
   *
   * @default {4_294_967_296}
   */
  readonly maxQueueBytes?: number;
  /**
   * Topics whose messages are removed by their age alone, though no group has committed them. Takes effect when the topic
   * is made.
   *
   * @default {[]}
   */
  readonly expiringTopics?: readonly string[];
  /**
   * A member of a group that gave no sign of life for so long loses its claims (100 to 3,600,000).
   *
   * @default {5_000}
   */
  readonly sessionTimeoutMs?: number;
  /**
   * How often a member gives a sign of life (10 to half of `sessionTimeoutMs`).
   *
   * @default {1_000}
   */
  readonly heartbeatMs?: number;
  /**
   * How long a call waits for the locks of other programs before it rejects with `unavailable` (0 to 3,600,000).
   *
   * @default {10_000}
   */
  readonly busyTimeoutMs?: number;
}

/** {@linkcode SqliteTransportOptions} with every default filled in. */
export interface SqliteSettings extends TransportSettings {
  readonly synchronous: Synchronous;
  readonly retentionMs: number;
  readonly maxQueueBytes: number;
  readonly expiringTopics: ReadonlySet<string>;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly busyTimeoutMs: number;
}

/**
 * Fills in the defaults of the embedded bus.
 *
 * @param options As a user gave them.
 * @throws {BusError} `invalid`.
 */
export function checkSqliteOptions(options: SqliteTransportOptions): SqliteSettings {
  const { synchronous = "full", expiringTopics = [] } = options;
  const { retentionMs = 7 * DAY_MS, maxQueueBytes = 2 ** 32 } = options;
  const { sessionTimeoutMs = 5_000, heartbeatMs = 1_000, busyTimeoutMs = 10_000 } = options;
  if (synchronous !== "full" && synchronous !== "normal") {
    throw new BusError(
      "invalid",
      `synchronous is ${JSON.stringify(synchronous)}: expected "full" or "normal"`,
    );
  }
  expiringTopics.forEach(checkTopic);
  checkInteger("sessionTimeoutMs", sessionTimeoutMs, 100, 3_600_000);
  return {
    ...checkTransportOptions(options),
    synchronous,
    expiringTopics: new Set(expiringTopics),
    sessionTimeoutMs,
    retentionMs: checkInteger("retentionMs", retentionMs, 0, 36_500 * DAY_MS),
    maxQueueBytes: checkInteger("maxQueueBytes", maxQueueBytes, 1, Number.MAX_SAFE_INTEGER),
    heartbeatMs: checkInteger("heartbeatMs", heartbeatMs, 10, Math.floor(sessionTimeoutMs / 2)),
    busyTimeoutMs: checkInteger("busyTimeoutMs", busyTimeoutMs, 0, 3_600_000),
  };
}
