import { encodeDeadLetter, encodeOmitted } from "../../bus/dead_letter.ts";
import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { type MessageWithFallback, sendWithFallback } from "./send_with_fallback.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Keeps failed requests on the topic `imagebus.dead-letters`, in the form of `bus/dead_letter.ts`. Expired
 * requests are not kept: nothing is wrong with them.
 *
 * @param transport The bus.
 */
export function deadLettersSink(transport: Transport): Sink {
  return {
    name: DEAD_LETTERS_TOPIC,
    async write(batch) {
      await sendWithFallback(transport, DEAD_LETTERS_TOPIC, batch.flatMap(deadLetterMessages));
    },
  };
}

/**
 * The dead letter of a request.
 *
 * @param settled A request with its result.
 * @returns One message; none where the request did not fail, or expired.
 */
export function deadLetterMessages({ message, result }: Settled): MessageWithFallback[] {
  if (result.status !== "failed" || result.error.code === "expired") return [];
  return [{
    topic: DEAD_LETTERS_TOPIC,
    message: encodeDeadLetter(message, result),
    fallback: () => encodeOmitted(message, result),
  }];
}
