/**
 * The options that all transports have in common.
 *
 * @module
 */
import {
  type ApiRow,
  checkOptions,
  count,
  type OptionTable,
  type SettingsOf,
  size,
} from "../../lib/options.ts";
import { BusError } from "./errors.ts";
import type { TransportEvent } from "./transport.ts";

const ON_EVENT: ApiRow<(event: TransportEvent) => void> = {
  type: "api",
  accepts: (value) => typeof value === "function",
  expected: "a function",
  text: "called with each change of the connection",
};

/** Options of every transport. */
export const TRANSPORT_OPTIONS = {
  maxMessageBytes: {
    ...size(2 ** 30),
    default: 15_728_640,
    text: "maximum size of a message, thus of an image",
  },
  partitions: {
    ...count(1_000),
    default: 4,
    text: "partitions of new topics: at most this many services share a topic",
  },
  onEvent: ON_EVENT,
} as const satisfies OptionTable;

/** `TransportOptions` with every default filled in. */
export type TransportSettings = SettingsOf<typeof TRANSPORT_OPTIONS>;

/**
 * {@linkcode checkOptions} with the errors of a bus.
 *
 * @throws {BusError} `invalid`.
 */
export function checkBusOptions<T extends OptionTable>(table: T, given: object): SettingsOf<T> {
  return checkOptions(table, given, (message) => new BusError("invalid", message));
}
