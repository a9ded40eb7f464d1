import { BusError } from "../../bus/transport/errors.ts";
import type { CommittedMessage, OutgoingMessage, Transport } from "../../bus/transport/transport.ts";

/** A message with a smaller replacement that every bus accepts. */
export type MessageWithFallback = Required<CommittedMessage>;

/**
 * Sends messages in their order. One that the bus rejects as too large is replaced by its fallback: it must
 * neither delay the others nor be retried for ever.
 *
 * @param transport The bus.
 * @param topic Where to.
 * @param messages All to this topic.
 * @throws {BusError} As `Transport.send`; `too_large` only for a fallback.
 */
export async function sendWithFallback(
  transport: Transport,
  topic: string,
  messages: readonly MessageWithFallback[],
): Promise<void> {
  if (messages.length === 0 || await fits(transport, topic, messages.map(({ message }) => message))) return;
  for (const { message, fallback } of messages) {
    if (!await fits(transport, topic, [message])) {
      await transport.send(topic, [fallback()], { isAnswer: true });
    }
  }
}

async function fits(
  transport: Transport,
  topic: string,
  messages: readonly OutgoingMessage[],
): Promise<boolean> {
  try {
    await transport.send(topic, messages, { isAnswer: true });
    return true;
  } catch (error) {
    if (error instanceof BusError && error.code === "too_large") return false;
    throw error;
  }
}
