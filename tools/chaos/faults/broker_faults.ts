import type { Broker } from "../bus.ts";
import type { Act, Stage } from "./stage.ts";

const TENTH_MS = 100;

/** The broker is stopped in order; it is away for up to two seconds and the time that it takes to start. */
export const stopBroker: Act = (stage, { amount }) => brokerOf(stage).restart("stop", amount * TENTH_MS);

/** The broker is killed; it comes back as after {@linkcode stopBroker}. */
export const killBroker: Act = (stage, { amount }) => brokerOf(stage).restart("kill", amount * TENTH_MS);

/** All connections break, and none is made for up to two seconds. */
export const cutConnections: Act = (stage, { amount }) => brokerOf(stage).cut(amount * TENTH_MS);

function brokerOf({ broker }: Stage): Broker {
  if (broker) return broker;
  throw new Error("This bus has no broker");
}
