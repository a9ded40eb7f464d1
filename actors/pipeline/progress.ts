import type { Claim } from "../../bus/transport/transport.ts";
import type { Settled } from "../sinks/sink.ts";

/** Says that a request is settled and stored by every sink; `landed` is called when it counts as in flight no more. */
export type Finish = (settled: Settled, landed: () => void) => void;

/** Tells the bus how far the requests of each claim are worked off. */
export interface Progress {
  /**
   * Takes note of a request.
   *
   * @param claim Under which it was received.
   * @param offset Larger than all of the claim before.
   * @returns To be called once.
   */
  begin(claim: Claim, offset: number): Finish;
  /** Tells the bus now what it was to be told soon. Does not reject. */
  flush(): Promise<void>;
}
