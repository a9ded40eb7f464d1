import { prefixed } from "../lib/options.ts";
import { KAFKA_OPTIONS } from "./transport/kafka/options.ts";
import { MEMORY_OPTIONS } from "./transport/memory.ts";
import { TRANSPORT_OPTIONS } from "./transport/options.ts";
import { SQLITE_OPTIONS } from "./transport/sqlite/options.ts";

/** Everything that `connect` takes beside the URL, by its full name: `kafka.clientId`. */
export const CONNECT_OPTIONS = {
  ...TRANSPORT_OPTIONS,
  ...prefixed("kafka", KAFKA_OPTIONS),
  ...prefixed("sqlite", SQLITE_OPTIONS),
  ...prefixed("memory", MEMORY_OPTIONS),
} as const;
