import { type OptionTable, type SettingsOf, size, time } from "../../../lib/options.ts";
import { checkBusOptions, TRANSPORT_OPTIONS } from "../options.ts";
import type { TransportOptions } from "../transport.ts";
import { checkInteger, checkTopic } from "../validate.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Whether a commit waits until the disk has it (`"full"`), or only until the operating system has it. */
export type Synchronous = "full" | "normal";

/** Options of the embedded bus. Ranges: docs/options.md. */
export interface SqliteTransportOptions extends TransportOptions {
  /** `"full"`: what was sent survives a power failure. `"normal"`: it survives the end of every process. @default {"full"} */
  readonly synchronous?: Synchronous;
  /**
   * How long messages are kept, in milliseconds; longer while a group has not committed them.
   *
   * @default {604_800_000}
   */
  readonly retentionMs?: number;
  /** Largest total of the messages that the bus holds, in bytes. @default {4_294_967_296} */
  readonly maxQueueBytes?: number;
  /**
   * Topics whose messages are removed by age alone, though no group has committed them. Takes effect when the topic is
   * created. `connect` names `imagebus.results` and `imagebus.comparisons` where nothing is given.
   */
  readonly expiringTopics?: readonly string[];
  /** A member of a group without a heartbeat for so many milliseconds loses its partitions. @default {5_000} */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between heartbeats; at most half of `sessionTimeoutMs`. @default {1_000} */
  readonly heartbeatMs?: number;
  /**
   * How long a call waits for the locks of other programs before it rejects with `unavailable`, in milliseconds.
   *
   * @default {10_000}
   */
  readonly busyTimeoutMs?: number;
}

/** Options of the embedded bus alone. */
export const SQLITE_OPTIONS = {
  synchronous: {
    type: "choice",
    values: ["full", "normal"],
    default: "full",
    text: "full: sent messages survive a power failure; normal: they survive only crashes of processes",
  },
  retentionMs: {
    ...time(0, 36_500 * DAY_MS),
    default: 7 * DAY_MS,
    text: "how long messages are kept; longer if a group has not committed them yet",
  },
  maxQueueBytes: {
    ...size(Number.MAX_SAFE_INTEGER),
    default: 2 ** 32,
    alias: "max-queue-bytes",
    text: "maximum total size of the messages on the bus",
  },
  expiringTopics: {
    type: "texts",
    value: "TOPIC",
    commas: true,
    otherwise: "imagebus.results, imagebus.comparisons",
    text: "topics whose messages expire by age alone, even if no group has committed them",
  },
  sessionTimeoutMs: {
    ...time(100, 3_600_000),
    default: 5_000,
    text: "a group member without a heartbeat for this time loses its partitions",
  },
  heartbeatMs: {
    ...time(10, 1_800_000),
    default: 1_000,
    text: "interval between heartbeats; at most half of the session timeout",
  },
  busyTimeoutMs: {
    ...time(0, 3_600_000),
    default: 10_000,
    text: "how long to wait for locks held by other programs",
  },
} as const satisfies OptionTable;

const ALL_OPTIONS = { ...TRANSPORT_OPTIONS, ...SQLITE_OPTIONS };

/** {@linkcode SqliteTransportOptions} with every default filled in. */
export interface SqliteSettings extends Omit<SettingsOf<typeof ALL_OPTIONS>, "expiringTopics"> {
  readonly expiringTopics: ReadonlySet<string>;
}

/**
 * Checks the options of the embedded bus, and fills in the defaults.
 *
 * @throws {BusError} `invalid`.
 */
export function checkSqliteOptions(options: SqliteTransportOptions): SqliteSettings {
  const { expiringTopics = [], ...settings } = checkBusOptions(ALL_OPTIONS, options);
  expiringTopics.forEach(checkTopic);
  checkInteger("heartbeatMs", settings.heartbeatMs, 10, Math.floor(settings.sessionTimeoutMs / 2));
  return { ...settings, expiringTopics: new Set(expiringTopics) };
}
