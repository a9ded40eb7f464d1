import { Random } from "../../training/random.ts";

/** The buses that a run can use. */
export type BusKind = "sqlite" | "kafka";

/** Each kind of fault with its description and its requirement, in the order of the help. */
export const FAULTS = {
  "kill-worker": { what: "SIGKILL a worker process, and start another one", needs: null },
  "freeze-worker": { what: "SIGSTOP a worker process past its session, then SIGCONT", needs: null },
  "add-worker": { what: "start one more worker process", needs: null },
  "remove-worker": { what: "SIGTERM a worker process, which has to drain", needs: null },
  "end-model": { what: "terminate the Workers of a worker process", needs: null },
  "model-throws": { what: "the model throws on the next batches", needs: null },
  "model-hangs": { what: "the model hangs on a batch", needs: null },
  "model-leaks": {
    what: "the model leaks memory until it exceeds its limit",
    needs: null,
  },
  "stop-broker": { what: "stop a broker gracefully, and restart it", needs: "kafka" },
  "kill-broker": { what: "SIGKILL a broker, and restart it", needs: "kafka" },
  "stop-leader": { what: "as stop-broker, with the leader of a partition", needs: "replicas" },
  "kill-leader": { what: "as kill-broker, with the leader of a partition", needs: "replicas" },
  "cut-connections": {
    what: "break all connections to a broker, and refuse new ones for a while",
    needs: "kafka",
  },
  "fill-quota": { what: "keep the embedded bus full for a while", needs: "sqlite" },
  "stop-postgres": { what: "stop PostgreSQL gracefully, and restart it", needs: "postgres" },
  "kill-postgres": { what: "crash PostgreSQL, and restart it", needs: "postgres" },
} as const satisfies Record<
  string,
  { readonly what: string; readonly needs: BusKind | "replicas" | "postgres" | null }
>;

/** A kind of fault. */
export type FaultKind = keyof typeof FAULTS;

/** One fault of a run. */
export interface Fault {
  /** Number of images accepted by the bus at which it begins. */
  readonly at: number;
  readonly kind: FaultKind;
  /** Index of the worker process, broker or partition, modulo their number. */
  readonly target: number;
  /** Number of affected batches, or tenths of a second that something is down: 1 to 20. */
  readonly amount: number;
  /** Whether it waits for the recovery from the previous fault. */
  readonly waits: boolean;
}

/** What a schedule depends on. */
export interface ScheduleOptions {
  /** Random seed. */
  readonly seed: number;
  /** Number of images. */
  readonly messages: number;
  /** Number of faults. */
  readonly count: number;
  /** Kinds of faults; each is planned equally often, give or take one. */
  readonly kinds: readonly FaultKind[];
}

const STREAM = 1;
const MAX_AMOUNT = 20;

/**
 * The kinds of faults that are possible in a run.
 *
 * @param bus Embedded or Kafka.
 * @param postgres Whether there is a PostgreSQL.
 * @param brokers Number of brokers, for Kafka.
 */
export function possibleFaults(bus: BusKind, postgres: boolean, brokers = 1): FaultKind[] {
  const met: readonly (string | null)[] = [
    null,
    bus,
    brokers > 1 ? "replicas" : null,
    postgres ? "postgres" : null,
  ];
  return (Object.keys(FAULTS) as FaultKind[]).filter((kind) => met.includes(FAULTS[kind].needs));
}

/**
 * Plans the faults of a run: spread evenly over the images, in shuffled rounds of all kinds. One in four does
 * not wait for the recovery from the previous one. Equal options give equal plans.
 *
 * @param options Seed, length and kinds.
 * @returns The faults in the order in which they begin.
 */
export function planFaults({ seed, messages, count, kinds }: ScheduleOptions): Fault[] {
  const random = new Random(seed, STREAM);
  const dealt: FaultKind[] = [];
  while (dealt.length < count && kinds.length > 0) {
    for (const i of random.permutation(kinds.length)) dealt.push(kinds[i]!);
  }
  return dealt.slice(0, count).map((kind, i) => ({
    at: Math.floor(messages * (i + 1) / (count + 1)),
    kind,
    target: random.integer(0, 0xffff),
    amount: random.integer(1, MAX_AMOUNT),
    waits: random.integer(0, 3) > 0,
  }));
}
