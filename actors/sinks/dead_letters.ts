import { encodeDeadLetter, encodeOmitted } from "../../bus/dead_letter.ts";
import type { Failed } from "../../bus/result.ts";
import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { Message, Transport } from "../../bus/transport.ts";
import { sendFitting } from "./send_fitting.ts";
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
      await sendFitting(
        transport,
        DEAD_LETTERS_TOPIC,
        failures.map(({ message, result }) => ({
          whole: encodeDeadLetter(message, result),
          smaller: () => encodeOmitted(message, result),
        })),
      );
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
