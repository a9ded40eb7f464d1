import type { ConnectOptions } from "../../../bus/connect.ts";
import type { PostgresServer } from "../../../testing/brokers/postgres.ts";
import type { Brokers } from "../brokers.ts";
import type { Fault } from "../schedule.ts";
import type { Workers } from "../workers.ts";

/** What faults act on. */
export interface Stage {
  readonly workers: Workers;
  /** Number of worker processes at the beginning; there are always between one and twice as many. */
  readonly usual: number;
  /** Time without a heartbeat after which a worker process loses its partitions, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** URL of the bus. */
  readonly url: string;
  /** Options of every connection to the bus. */
  readonly busOptions: ConnectOptions;
  /** The brokers; `null` for the embedded bus. */
  readonly brokers: Brokers | null;
  /** The database server; `null` if there is none. */
  readonly postgres: PostgresServer | null;
}

/** Causes a fault. Resolves when the fault is over, without waiting for the recovery. */
export type Act = (stage: Stage, fault: Fault) => Promise<void>;
