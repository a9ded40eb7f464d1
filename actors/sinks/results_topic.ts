import { encodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Transport } from "../../bus/transport.ts";
import { type Fitting, sendFitting } from "./send_fitting.ts";
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
      const sends = [...byTopic(batch)].map(([topic, messages]) => sendFitting(transport, topic, messages));
      await Promise.all(sends);
    },
    async close() {},
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

function byTopic(batch: readonly Settled[]): Map<string, Fitting[]> {
  const topics = new Map<string, Fitting[]>([[RESULTS_TOPIC, []]]);
  for (const { result, origin } of batch) {
    const { id } = result;
    const message = {
      whole: encodeResult(result, origin),
      smaller: () => encodeResult(result, { id, key: id }),
    };
    for (const topic of new Set([RESULTS_TOPIC, origin.replyTo ?? RESULTS_TOPIC])) {
      if (!topics.has(topic)) topics.set(topic, []);
      topics.get(topic)!.push(message);
    }
  }
  return topics;
}
