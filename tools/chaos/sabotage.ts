/** The BroadcastChannel with commands for the Workers of a process. */
export const CHANNEL = "imagebus-chaos";

/** A command: fail on the next batches. */
export interface Sabotage {
  readonly how: "throw" | "hang" | "leak";
  /** Number of batches. */
  readonly batches: number;
  /** Bytes that a leak keeps per batch. */
  readonly bytes?: number;
}
