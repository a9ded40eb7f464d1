import type { Brokers } from "../brokers.ts";
import type { Act, Stage } from "./stage.ts";

const TENTH_MS = 100;

/** Stops a broker gracefully; it is down for up to two seconds plus the time of its restart. */
export const stopBroker: Act = (stage, { target, amount }) =>
  brokersOf(stage).restart(target, "stop", amount * TENTH_MS);

/** Kills a broker; it restarts as after {@linkcode stopBroker}. */
export const killBroker: Act = (stage, { target, amount }) =>
  brokersOf(stage).restart(target, "kill", amount * TENTH_MS);

/**
 * Stops the leader of a partition of the requests, which hands over first; it restarts as after
 * {@linkcode stopBroker}.
 */
export const stopLeader: Act = (stage, { target, amount }) =>
  brokersOf(stage).restartLeader(target, "stop", amount * TENTH_MS);

/** Kills the leader of a partition of the requests; it restarts as after {@linkcode stopBroker}. */
export const killLeader: Act = (stage, { target, amount }) =>
  brokersOf(stage).restartLeader(target, "kill", amount * TENTH_MS);

/** Breaks all connections to a broker, and refuses new ones for up to two seconds. */
export const cutConnections: Act = (stage, { target, amount }) =>
  brokersOf(stage).cut(target, amount * TENTH_MS);

function brokersOf({ brokers }: Stage): Brokers {
  if (brokers) return brokers;
  throw new Error("The embedded bus has no broker");
}
