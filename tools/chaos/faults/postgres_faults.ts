import { sleep } from "../../../lib/sleep.ts";
import type { PostgresServer } from "../../../testing/brokers/postgres.ts";
import type { Act, Stage } from "./stage.ts";

const TENTH_MS = 100;

/** PostgreSQL is stopped in order; it is away for up to two seconds and the time that it takes to start. */
export const stopPostgres: Act = (stage, { amount }) => restart(stage, "stop", amount * TENTH_MS);

/** PostgreSQL ends as in a crash; it comes back as after {@linkcode stopPostgres}. */
export const killPostgres: Act = (stage, { amount }) => restart(stage, "kill", amount * TENTH_MS);

async function restart({ postgres }: Stage, how: "stop" | "kill", awayMs: number): Promise<void> {
  const server = expectServer(postgres);
  await server[how]();
  await sleep(awayMs);
  await server.start();
}

function expectServer(postgres: PostgresServer | null): PostgresServer {
  if (postgres) return postgres;
  throw new Error("This run has no PostgreSQL");
}
