import type { SubscribeOptions, Transport, TransportOptions } from "../../../../bus/transport/transport.ts";

/** A bus for one case. */
export interface Harness extends AsyncDisposable {
  /**
   * Opens a transport with short sessions. Disposing of the harness closes it.
   *
   * @param options As a user passes them.
   */
  open(options?: TransportOptions): Promise<Transport>;
  /** Starts a consumer that can be killed: a process, if other processes can reach the bus. */
  start(spec: ConsumerSpec): Promise<Consumer>;
}

/** How a {@linkcode Consumer} subscribes and commits. */
export interface ConsumerSpec {
  readonly topics: readonly string[];
  readonly subscribe?: Omit<SubscribeOptions, "signal">;
  /** Whether it commits each batch at once, or only on request. */
  readonly commit: "each" | "asked";
  /** Subscribes for exactly-once delivery, and commits together with a copy of each message to this topic. */
  readonly copyTo?: string;
  /** Whether it stops iterating after the first batch until `resume`. @default {false} */
  readonly stall?: boolean;
}

/** A message as a {@linkcode Consumer} reports it. */
export interface Received {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytes: number;
  /** The value as text, if it is shorter than 1,000 bytes. */
  readonly text: string;
}

/** A consumer that can be killed. */
export interface Consumer extends AsyncDisposable {
  /** What it has received so far. */
  readonly received: readonly Received[];
  /** Resolves when it has received this many messages in total. */
  until(count: number): Promise<void>;
  /**
   * Commits everything received.
   *
   * @returns Number of its claims that are lost afterwards.
   */
  commit(): Promise<number>;
  /** Ends the stall. */
  resume(): Promise<void>;
  /** Its resident memory in bytes. */
  memory(): Promise<number>;
  /** Suspends its process: SIGSTOP. */
  freeze(): void;
  /** Resumes its process: SIGCONT. */
  thaw(): void;
  /** Kills it: it cannot finish, release or report anything. */
  kill(): Promise<void>;
}

/** A test of one guarantee. */
export interface Case {
  readonly name: string;
  run(harness: Harness): Promise<void>;
}

/** A name that no other case, run or broker has used. */
export function unique(label: string): string {
  return `${label}-${crypto.randomUUID().slice(0, 13)}`;
}

/** Waits for a promise, but fails after a time limit. */
export async function within<T>(promise: PromiseLike<T>, what: string, ms = 45_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Not within ${ms} ms: ${what}`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Polls a state that has no event, until it holds. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!await isSo()) {
    if (performance.now() > deadline) throw new Error(`Not within 45000 ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
