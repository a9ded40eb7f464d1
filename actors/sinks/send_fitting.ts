import { BusError } from "../../bus/transport/errors.ts";
import type { CommittedMessage, OutgoingMessage, Transport } from "../../bus/transport/transport.ts";

/** A message, and something that any bus takes, to go in its place where it is too large. */
export type Fitting = Required<CommittedMessage>;

/**
 * Sends messages in their order. One that the bus finds too large must not hold up the others, nor be tried for ever.
 *
 * @param transport The bus.
 * @param topic Where to.
 * @param messages Which ones, all to this topic.
 * @throws {BusError} As `Transport.send`, but not `too_large` where something smaller fits.
 */
export async function sendFitting(
  transport: Transport,
  topic: string,
  messages: readonly Fitting[],
): Promise<void> {
  if (messages.length === 0 || await fits(transport, topic, messages.map(({ message }) => message))) return;
  for (const { message, smaller } of messages) {
    if (!await fits(transport, topic, [message])) await transport.send(topic, [smaller()]);
  }
}

async function fits(
  transport: Transport,
  topic: string,
  messages: readonly OutgoingMessage[],
): Promise<boolean> {
  try {
    await transport.send(topic, messages);
    return true;
  } catch (error) {
    if (error instanceof BusError && error.code === "too_large") return false;
    throw error;
  }
}
