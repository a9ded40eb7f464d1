import { encodeDeadLetter, encodeOmitted } from "../../bus/dead_letter.ts";
import type { Failed } from "../../bus/result.ts";
import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { Message, Transport } from "../../bus/transport/transport.ts";
import { type MessageWithFallback, sendWithFallback } from "./send_with_fallback.ts";
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
      await sendWithFallback(transport, DEAD_LETTERS_TOPIC, batch.flatMap(deadLetterMessages));
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

/**
 * The message for the dead letters.
 *
 * @param settled A request with its result.
 * @returns None, when it is no dead letter.
 */
export function deadLetterMessages(settled: Settled): MessageWithFallback[] {
  if (!isDeadLetter(settled)) return [];
  const { message, result } = settled;
  return [{
    topic: DEAD_LETTERS_TOPIC,
    message: encodeDeadLetter(message, result),
    fallback: () => encodeOmitted(message, result),
  }];
}

interface Failure {
  readonly result: Failed;
  readonly message: Message;
}

function isDeadLetter(settled: Settled): settled is Settled & Failure {
  return settled.result.status === "failed" && settled.result.error.code !== "expired";
}
