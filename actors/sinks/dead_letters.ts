import { DEAD_LETTERS_TOPIC } from "../../bus/topics.ts";
import type { Headers, OutgoingMessage, Transport } from "../../bus/transport.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Keeps what failed: the original key, bytes and headers, and beside them
 *
 * | header | |
 * |---|---|
 * | `imagebus_id` | the id of the failed result |
 * | `imagebus_reason_code`, `imagebus_reason` | why |
 * | `imagebus_topic`, `imagebus_partition`, `imagebus_offset`, `imagebus_timestamp` | where it was, and since when |
 * | `imagebus_failed_at` | when it failed, ISO 8601 |
 *
 * What came too late (`expired`) is not kept: nothing is wrong with it.
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
  const reason: Headers = {
    imagebus_id: result.id,
    imagebus_reason_code: result.error.code,
    imagebus_reason: result.error.message,
    imagebus_topic: message.topic,
    imagebus_partition: String(message.partition),
    imagebus_offset: String(message.offset),
    imagebus_timestamp: String(message.timestamp),
    imagebus_failed_at: result.at,
  };
  return { key: message.key, value: message.value, headers: { ...message.headers, ...reason } };
}
