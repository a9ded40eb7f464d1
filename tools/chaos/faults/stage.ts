import type { ConnectOptions } from "../../../bus/connect.ts";
import type { PostgresServer } from "../../../testing/brokers/postgres.ts";
import type { Brokers } from "../brokers.ts";
import type { Fault } from "../schedule.ts";
import type { Workers } from "../workers.ts";

/** What faults are done to. */
export interface Stage {
  /** The worker processes. */
  readonly workers: Workers;
  /** How many there were at first: there are never fewer than one nor more than twice as many. */
  readonly usual: number;
  /** How long a worker may be silent before its partitions are given to others, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** Where the bus is. */
  readonly url: string;
  /** How everybody connects to it. */
  readonly busOptions: ConnectOptions;
  /** The brokers; `null` where the bus is a file. */
  readonly brokers: Brokers | null;
  /** The database server; `null` where there is none. */
  readonly postgres: PostgresServer | null;
}

/** Does a fault. Resolves when nothing more is done: the recovery is not waited for. */
export type Act = (stage: Stage, fault: Fault) => Promise<void>;
