import { encodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { type MessageWithFallback, sendWithFallback } from "./send_with_fallback.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Sends each result to `imagebus.results`, and to the reply topic of its request. Always part of a service:
 * askers wait for it.
 *
 * A result carries the key and the attributes of its request. Where these leave no room for the result, it
 * goes without them, with its id as the key.
 *
 * @param transport The bus.
 */
export function resultsTopicSink(transport: Transport): Sink {
  return {
    name: RESULTS_TOPIC,
    async write(batch) {
      const topics = Map.groupBy(batch.flatMap(resultMessages), ({ topic }) => topic);
      await Promise.all([...topics].map(([topic, messages]) => sendWithFallback(transport, topic, messages)));
    },
  };
}

/**
 * The messages of a result: for `imagebus.results`, and for the reply topic of its request.
 *
 * @param settled A request with its result.
 */
export function resultMessages({ result, origin }: Settled): MessageWithFallback[] {
  const { id } = result;
  const message = encodeResult(result, origin);
  const fallback = () => encodeResult(result, { id, key: id });
  const { replyTo: topic = RESULTS_TOPIC } = origin;
  const forAll = { topic: RESULTS_TOPIC, message, fallback };
  return topic === RESULTS_TOPIC ? [forAll] : [forAll, { topic, message, fallback }];
}
