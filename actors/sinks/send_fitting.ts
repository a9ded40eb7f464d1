import { BusError } from "../../bus/errors.ts";
import type { OutgoingMessage, Transport } from "../../bus/transport.ts";

/** A message, and what goes in its place where the bus finds it too large. */
export interface Fitting {
  /** As it should be sent. */
  readonly whole: OutgoingMessage;
  /** Something that any bus takes. */
  readonly smaller: () => OutgoingMessage;
}

/**
 * Sends messages in their order. One that the bus finds too large must not hold up the others, nor be tried for ever.
 *
 * @param transport The bus.
 * @param topic Where to.
 * @param messages Which ones.
 * @throws {BusError} As `Transport.send`, but not `too_large` for a whole message.
 */
export async function sendFitting(
  transport: Transport,
  topic: string,
  messages: readonly Fitting[],
): Promise<void> {
  if (messages.length === 0 || await fits(transport, topic, messages.map(({ whole }) => whole))) return;
  for (const { whole, smaller } of messages) {
    if (!await fits(transport, topic, [whole])) await transport.send(topic, [smaller()]);
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
