/** The channel on which the Workers of a process are told to fail. */
export const CHANNEL = "imagebus-chaos";

/** What they are told: to fail on so many of the next batches. */
export interface Sabotage {
  /** In which way. */
  readonly how: "throw" | "hang" | "leak";
  /** How many batches. */
  readonly batches: number;
  /** How many bytes of each of them are kept, by a leak. */
  readonly bytes?: number;
}
