/** The bus of a run. */
export interface ChaosBus extends AsyncDisposable {
  /** Where senders and workers connect to. */
  readonly url: string;
  /** What can be done to it; `null` for a bus that is only a file. */
  readonly brokers: Brokers | null;
}

/** Brokers that can be ended and come back. Which one it is of several says a number, modulo their number. */
export interface Brokers {
  /** Ends one, in order or at once, and starts it again after so many milliseconds. Resolves when all replicas are up to date. */
  restart(which: number, how: "stop" | "kill", awayMs: number): Promise<void>;
  /** The same, with the broker that leads this partition of the topic of the requests, modulo the number of its partitions. */
  restartLeader(partition: number, how: "stop" | "kill", awayMs: number): Promise<void>;
  /** Breaks all connections to one; it stays away for so many milliseconds. */
  cut(which: number, ms: number): Promise<void>;
}
