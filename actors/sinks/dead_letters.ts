import { encodeDeadLetter, encodeOmitted } from "../../bus/dead_letter.ts";
import { BusError } from "../../bus/errors.ts";
import type { Failed } from "../../bus/result.ts";
import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { Message, OutgoingMessage, Transport } from "../../bus/transport.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Keeps what failed on the topic `imagebus.dead-letters`; `bus/dead_letter.ts` says in which form. What came too late
 * (`expired`) is not kept: nothing is wrong with it.
 *
 * @param transport The bus.
 */
export function deadLettersSink(transport: Transport): Sink {
  const sink: Sink = {
    name: DEAD_LETTERS_TOPIC,
    async write(batch) {
      const failures = batch.filter(isDeadLetter);
      if (failures.length > 0) await store(transport, failures);
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

interface Failure {
  readonly result: Failed;
  readonly message: Message;
}

function isDeadLetter(settled: Settled): settled is Settled & Failure {
  return settled.result.status === "failed" && settled.result.error.code !== "expired";
}

/** One that the bus does not take must not hold up the others, nor be tried for ever. */
async function store(transport: Transport, failures: readonly Failure[]): Promise<void> {
  if (await fits(transport, failures.map(({ message, result }) => encodeDeadLetter(message, result)))) return;
  for (const { message, result } of failures) {
    if (await fits(transport, [encodeDeadLetter(message, result)])) continue;
    await transport.send(DEAD_LETTERS_TOPIC, [encodeOmitted(message, result)]);
  }
}

async function fits(transport: Transport, letters: readonly OutgoingMessage[]): Promise<boolean> {
  try {
    await transport.send(DEAD_LETTERS_TOPIC, letters);
    return true;
  } catch (error) {
    if (error instanceof BusError && error.code === "too_large") return false;
    throw error;
  }
}
