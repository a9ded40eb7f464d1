import { encodeDeadLetter } from "../../bus/dead_letter.ts";
import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { OutgoingMessage, Transport } from "../../bus/transport.ts";
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
      const letters = batch.map(deadLetter).filter((letter) => letter !== null);
      if (letters.length > 0) await transport.send(DEAD_LETTERS_TOPIC, letters);
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

function deadLetter({ result, message }: Settled): OutgoingMessage | null {
  if (result.status !== "failed" || result.error.code === "expired") return null;
  return encodeDeadLetter(message, result);
}
