import { encodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { type MessageWithFallback, sendWithFallback } from "./send_with_fallback.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Sends each result to `imagebus.results`, and to the topic its request named. Always part of the service: askers wait for it.
 *
 * A result goes with the key and the attributes of its request; where these are so large that nothing can be added to them,
 * it goes without them, under its id.
 *
 * @param transport The bus.
 */
export function resultsTopicSink(transport: Transport): Sink {
  const sink: Sink = {
    name: RESULTS_TOPIC,
    async write(batch) {
      const topics = Map.groupBy(batch.flatMap(resultMessages), ({ topic }) => topic);
      await Promise.all([...topics].map(([topic, messages]) => sendWithFallback(transport, topic, messages)));
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

/**
 * The messages that tell a result: to `imagebus.results`, and to the topic that its request named.
 *
 * @param settled A request with its result.
 */
export function resultMessages({ result, origin }: Settled): MessageWithFallback[] {
  const { id } = result;
  const message = encodeResult(result, origin);
  const fallback = () => encodeResult(result, { id, key: id });
  const topics = new Set([RESULTS_TOPIC, origin.replyTo ?? RESULTS_TOPIC]);
  return [...topics].map((topic) => ({ topic, message, fallback }));
}
