import type { SubscribeOptions, Transport, TransportOptions } from "../../../../bus/transport/transport.ts";

/** One broker or file, for one case. */
export interface Harness extends AsyncDisposable {
  /**
   * Opens a transport on the bus, with short session times. Disposing of the harness closes what is still open.
   *
   * @param options As a user would give them.
   */
  open(options?: TransportOptions): Promise<Transport>;
  /** Starts a consumer that can die without a word: a process where others can reach the bus. */
  start(spec: ConsumerSpec): Promise<Consumer>;
}

/** What a {@linkcode Consumer} subscribes to. */
export interface ConsumerSpec {
  readonly topics: readonly string[];
  readonly subscribe?: Omit<SubscribeOptions, "signal">;
  /** Whether each batch is committed as soon as it came, or only when asked to. */
  readonly commit: "each" | "asked";
  /** Subscribes for exactly-once delivery, and commits together with a copy of each message to this topic. */
  readonly copyTo?: string;
  /** Whether it stops iterating after the first batch until told to go on. @default {false} */
  readonly stall?: boolean;
}

/** A message as a {@linkcode Consumer} tells of it. */
export interface Received {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bytes: number;
  /** The value as text, when it is shorter than 1,000 bytes. */
  readonly text: string;
}

/** A consumer that can die. Made by {@linkcode Harness.start}, which resolves when it has subscribed. */
export interface Consumer extends AsyncDisposable {
  /** What it received so far. */
  readonly received: readonly Received[];
  /** Resolves when it has received so many messages, counted from the start. */
  until(count: number): Promise<void>;
  /**
   * Commits all that it received.
   *
   * @returns How many of the claims it commits for it knows to be lost afterwards.
   */
  commit(): Promise<number>;
  /** Ends the stall. */
  resume(): Promise<void>;
  /** Its resident memory in bytes. */
  memory(): Promise<number>;
  /** Suspends it as a whole, as SIGSTOP does. */
  freeze(): void;
  /** Wakes it again. */
  thaw(): void;
  /** Ends it with no chance to finish, release or tell anything. */
  kill(): Promise<void>;
}

/** One promise of the contract. */
export interface Case {
  readonly name: string;
  run(harness: Harness): Promise<void>;
}

/** A name that no other case, run or broker has used. */
export function unique(label: string): string {
  return `${label}-${crypto.randomUUID().slice(0, 13)}`;
}

/** Fails instead of waiting for ever. */
export async function within<T>(promise: PromiseLike<T>, what: string, ms = 45_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Not within ${ms} ms: ${what}`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again for what no signal tells of, until it is so. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!await isSo()) {
    if (performance.now() > deadline) throw new Error(`Not within 45000 ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
