import { sleep } from "../../lib/sleep.ts";
import type { PostgresServer } from "../../testing/brokers/postgres.ts";
import type { ChaosBus } from "./bus.ts";
import { fillQuota } from "./fill_quota.ts";
import type { ChaosSettings } from "./options.ts";
import type { ChosenVersions } from "./versions.ts";
import type { Workers } from "./workers.ts";

/** What faults act on. */
export interface Stage {
  readonly settings: ChaosSettings;
  readonly workers: Workers;
  readonly versions: ChosenVersions;
  readonly bus: ChaosBus;
  /** The database server; `null` if there is none. */
  readonly postgres: PostgresServer | null;
}

/** Where and how much a fault acts. */
export interface Target {
  /** Index of the worker process, broker or partition, modulo their number. */
  readonly target: number;
  /** Number of affected batches, or tenths of a second that something is down: 1 to 20. */
  readonly amount: number;
}

interface FaultRow {
  /** For the help. */
  readonly what: string;
  /** What the run must have for it. */
  readonly needs: ChaosSettings["bus"] | "replicas" | "postgres" | null;
  /** Causes it. Resolves when the fault is over, without waiting for the recovery. */
  act(stage: Stage, target: Target): Promise<void>;
}

const TENTH_MS = 100;

/** Each kind of fault, in the order of the help. */
export const FAULTS = {
  "kill-worker": {
    what: "SIGKILL a worker process, and start another one",
    needs: null,
    async act({ workers }, { target }) {
      await workers.kill(target);
      await workers.add();
    },
  },
  // Others own its partitions by then; it continues as if they were still its own.
  "freeze-worker": {
    what: "SIGSTOP a worker process past its session, then SIGCONT",
    needs: null,
    act: ({ workers, settings }, { target }) => workers.freeze(target, 1.5 * settings.sessionMs),
  },
  // There are always between one and twice as many processes as at the beginning.
  "add-worker": {
    what: "start one more worker process",
    needs: null,
    async act({ workers, settings }, { target }) {
      if (workers.count >= 2 * settings.workers) await workers.remove(target);
      await workers.add();
    },
  },
  "remove-worker": {
    what: "SIGTERM a worker process, which has to drain",
    needs: null,
    async act({ workers }, { target }) {
      if (workers.count === 1) await workers.add();
      await workers.remove(target);
    },
  },
  "end-model": {
    what: "terminate the Workers of a worker process",
    needs: null,
    act: ({ workers }, { target }) => workers.command(target, "terminate"),
  },
  "model-throws": {
    what: "the model throws on the next batches",
    needs: null,
    act: ({ workers }, { target, amount }) => workers.command(target, `throw ${1 + amount % 4}`),
  },
  "model-hangs": {
    what: "the model hangs on a batch",
    needs: null,
    act: ({ workers }, { target }) => workers.command(target, "hang 1"),
  },
  "model-leaks": {
    what: "the model leaks memory until it exceeds its limit",
    needs: null,
    act({ workers, settings }, { target, amount }) {
      const bytes = Math.ceil(settings.maxWorkerMemoryMb * 2 ** 20 / amount);
      return workers.command(target, `leak ${amount} ${bytes}`);
    },
  },
  "swap-version": {
    what: "have another version of the model served; every third one is broken, and has to be refused",
    needs: null,
    act: ({ versions }) => versions.next(),
  },
  "stop-broker": {
    what: "stop a broker gracefully, and restart it",
    needs: "kafka",
    act: ({ bus }, { target, amount }) => bus.brokers!.restart(target, "stop", amount * TENTH_MS),
  },
  "kill-broker": {
    what: "SIGKILL a broker, and restart it",
    needs: "kafka",
    act: ({ bus }, { target, amount }) => bus.brokers!.restart(target, "kill", amount * TENTH_MS),
  },
  "stop-leader": {
    what: "as stop-broker, with the leader of a partition",
    needs: "replicas",
    act: ({ bus }, { target, amount }) => bus.brokers!.restartLeader(target, "stop", amount * TENTH_MS),
  },
  "kill-leader": {
    what: "as kill-broker, with the leader of a partition",
    needs: "replicas",
    act: ({ bus }, { target, amount }) => bus.brokers!.restartLeader(target, "kill", amount * TENTH_MS),
  },
  "cut-connections": {
    what: "break all connections to a broker, and refuse new ones for a while",
    needs: "kafka",
    act: ({ bus }, { target, amount }) => bus.brokers!.cut(target, amount * TENTH_MS),
  },
  "fill-quota": {
    what: "keep the embedded bus full for a while",
    needs: "sqlite",
    act: ({ bus }, { amount }) => fillQuota(bus, amount * TENTH_MS),
  },
  "stop-postgres": {
    what: "stop PostgreSQL gracefully, and restart it",
    needs: "postgres",
    act: ({ postgres }, { amount }) => restart(postgres!, "stop", amount * TENTH_MS),
  },
  "kill-postgres": {
    what: "crash PostgreSQL, and restart it",
    needs: "postgres",
    act: ({ postgres }, { amount }) => restart(postgres!, "kill", amount * TENTH_MS),
  },
} satisfies Record<string, FaultRow>;

/** A kind of fault. */
export type FaultKind = keyof typeof FAULTS;

async function restart(postgres: PostgresServer, how: "stop" | "kill", downMs: number): Promise<void> {
  await postgres[how]();
  await sleep(downMs);
  await postgres.start();
}
