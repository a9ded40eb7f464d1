import { sleep } from "../../../lib/sleep.ts";
import type { PostgresServer } from "../../../testing/brokers/postgres.ts";
import type { Act, Stage } from "./stage.ts";

const TENTH_MS = 100;

/** Stops PostgreSQL gracefully; it is down for up to two seconds plus the time of its restart. */
export const stopPostgres: Act = (stage, { amount }) => restart(stage, "stop", amount * TENTH_MS);

/** Crashes PostgreSQL; it restarts as after {@linkcode stopPostgres}. */
export const killPostgres: Act = (stage, { amount }) => restart(stage, "kill", amount * TENTH_MS);

async function restart({ postgres }: Stage, how: "stop" | "kill", downMs: number): Promise<void> {
  const server = expectServer(postgres);
  await server[how]();
  await sleep(downMs);
  await server.start();
}

function expectServer(postgres: PostgresServer | null): PostgresServer {
  if (postgres) return postgres;
  throw new Error("This run has no PostgreSQL");
}
