/** The bus of a run. */
export interface ChaosBus extends AsyncDisposable {
  /** URL that senders and workers connect to. */
  readonly url: string;
  /** Its brokers; `null` for a bus that is only a file. */
  readonly brokers: Brokers | null;
}

/** Brokers that can be ended and restarted. They are selected by an index, modulo their number. */
export interface Brokers {
  /**
   * Ends one, gracefully or not, and restarts it after `downMs` milliseconds. Resolves when all replicas are
   * in sync.
   */
  restart(index: number, how: "stop" | "kill", downMs: number): Promise<void>;
  /** The same with the leader of this partition of the requests' topic, modulo the number of partitions. */
  restartLeader(partition: number, how: "stop" | "kill", downMs: number): Promise<void>;
  /** Breaks all connections to one, which is unreachable for `ms` milliseconds. */
  cut(index: number, ms: number): Promise<void>;
}
