import { encodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { OutgoingMessage, Transport } from "../../bus/transport.ts";
import type { Settled, Sink } from "./sink.ts";

/**
 * Sends each result to `imagebus.results`, and to the topic its request named. Always part of the service: askers wait for it.
 *
 * @param transport The bus.
 */
export function resultsTopicSink(transport: Transport): Sink {
  const sink: Sink = {
    name: RESULTS_TOPIC,
    async write(batch) {
      const sends = [...byTopic(batch)].map(([topic, messages]) => transport.send(topic, messages));
      await Promise.all(sends);
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

function byTopic(batch: readonly Settled[]): Map<string, OutgoingMessage[]> {
  const topics = new Map<string, OutgoingMessage[]>([[RESULTS_TOPIC, []]]);
  for (const { result, origin } of batch) {
    const message = encodeResult(result, origin);
    for (const topic of new Set([RESULTS_TOPIC, origin.replyTo ?? RESULTS_TOPIC])) {
      if (!topics.has(topic)) topics.set(topic, []);
      topics.get(topic)!.push(message);
    }
  }
  return topics;
}
