import { Random } from "../../training/random.ts";

/** The buses that can be tried. */
export type BusKind = "sqlite" | "kafka";

/** What each fault is, and what there has to be for it. The order is that of the help. */
export const FAULTS = {
  "kill-worker": { what: "SIGKILL a worker process; another one is started", needs: null },
  "freeze-worker": { what: "SIGSTOP a worker process past its session, then SIGCONT", needs: null },
  "add-worker": { what: "one worker process more", needs: null },
  "remove-worker": { what: "SIGTERM a worker process, which has to drain", needs: null },
  "end-model": { what: "the model's Worker of a process is terminated", needs: null },
  "model-throws": { what: "the model throws on the next batches", needs: null },
  "model-hangs": { what: "the model never answers a batch", needs: null },
  "model-leaks": {
    what: "the model keeps memory of the next batches until it is over its bound",
    needs: null,
  },
  "stop-broker": { what: "a broker is stopped in order, and started again", needs: "kafka" },
  "kill-broker": { what: "SIGKILL a broker, and start it again", needs: "kafka" },
  "stop-leader": { what: "as stop-broker, the one that leads a partition", needs: "replicas" },
  "kill-leader": { what: "as kill-broker, the one that leads a partition", needs: "replicas" },
  "cut-connections": {
    what: "all connections to a broker break, and none is made for a while",
    needs: "kafka",
  },
  "fill-quota": { what: "the embedded bus is full, and takes nothing for a while", needs: "sqlite" },
  "stop-postgres": { what: "PostgreSQL is stopped in order, and started again", needs: "postgres" },
  "kill-postgres": { what: "PostgreSQL ends as in a crash, and is started again", needs: "postgres" },
} as const satisfies Record<
  string,
  { readonly what: string; readonly needs: BusKind | "replicas" | "postgres" | null }
>;

/** A kind of fault. */
export type FaultKind = keyof typeof FAULTS;

/** One fault of a run. Equal settings give equal faults. */
export interface Fault {
  /** It begins when so many images were accepted by the bus. */
  readonly at: number;
  /** What happens. */
  readonly kind: FaultKind;
  /** Which worker process, broker or partition: its place among those that there are, modulo their number. */
  readonly target: number;
  /** How many batches are hit, or how many tenths of a second it is away: 1 to 20. */
  readonly amount: number;
  /** Whether it waits until the bus has recovered from the fault before. */
  readonly waits: boolean;
}

/** What a schedule is made from. */
export interface ScheduleOptions {
  /** Another one gives another schedule. */
  readonly seed: number;
  /** How many images are sent. */
  readonly messages: number;
  /** How many faults. */
  readonly count: number;
  /** Which kinds: each comes as often as the others, give or take one. */
  readonly kinds: readonly FaultKind[];
}

const STREAM = 1;
const MAX_AMOUNT = 20;

/**
 * The faults that a run can have.
 *
 * @param bus On which bus.
 * @param postgres Whether there is a PostgreSQL.
 * @param brokers How many brokers the bus has, if it is Kafka.
 */
export function possibleFaults(bus: BusKind, postgres: boolean, brokers = 1): FaultKind[] {
  const there: readonly (string | null)[] = [
    null,
    bus,
    brokers > 1 ? "replicas" : null,
    postgres ? "postgres" : null,
  ];
  return (Object.keys(FAULTS) as FaultKind[]).filter((kind) => there.includes(FAULTS[kind].needs));
}

/**
 * Lays out the faults of a run: spread evenly over the images, in shuffled rounds of all kinds. One in four does not wait
 * for the recovery from the one before.
 *
 * @param options Seed, length and kinds.
 * @returns In the order in which they begin.
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
