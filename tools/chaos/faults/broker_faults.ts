import type { Brokers } from "../brokers.ts";
import type { Act, Stage } from "./stage.ts";

const TENTH_MS = 100;

/** A broker is stopped in order; it is away for up to two seconds and the time that it takes to start. */
export const stopBroker: Act = (stage, { target, amount }) =>
  brokersOf(stage).restart(target, "stop", amount * TENTH_MS);

/** A broker is killed; it comes back as after {@linkcode stopBroker}. */
export const killBroker: Act = (stage, { target, amount }) =>
  brokersOf(stage).restart(target, "kill", amount * TENTH_MS);

/** The broker that leads a partition of the requests hands it over and stops; it comes back as after {@linkcode stopBroker}. */
export const stopLeader: Act = (stage, { target, amount }) =>
  brokersOf(stage).restartLeader(target, "stop", amount * TENTH_MS);

/** The broker that leads a partition of the requests is killed; it comes back as after {@linkcode stopBroker}. */
export const killLeader: Act = (stage, { target, amount }) =>
  brokersOf(stage).restartLeader(target, "kill", amount * TENTH_MS);

/** All connections to a broker break, and none is made for up to two seconds. */
export const cutConnections: Act = (stage, { target, amount }) =>
  brokersOf(stage).cut(target, amount * TENTH_MS);

function brokersOf({ brokers }: Stage): Brokers {
  if (brokers) return brokers;
  throw new Error("This bus has no broker");
}
