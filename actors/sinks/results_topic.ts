import type { Listener } from "../events.ts";
import { encodeResult } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { type MessageWithFallback, sendWithFallback } from "./send_with_fallback.ts";
import type { Settled, Sink } from "./sink.ts";

/** Of a text in a result that would not fit otherwise. */
const MAX_CHARACTERS = 1_000;

/**
 * Sends each result to `imagebus.results`, and to the reply topic of its request. Always part of a service:
 * askers wait for it.
 *
 * A result carries the key and the attributes of its request. Where these leave no room for the result, it
 * goes without them and without `actual` and `fileName`, with its id as the key, and with the first 1,000 characters of
 * other texts. A reply topic that the bus refuses gets nothing: whoever names it must not stop the results of others.
 *
 * @param transport The bus.
 * @param listener Notified of refused reply topics.
 */
export function resultsTopicSink(transport: Transport, listener: Listener = () => {}): Sink {
  return {
    name: RESULTS_TOPIC,
    async write(batch) {
      const topics = Map.groupBy(batch.flatMap(resultMessages), ({ topic }) => topic);
      await Promise.all([...topics].map(async ([topic, messages]) => {
        try {
          await sendWithFallback(transport, topic, messages);
        } catch (error) {
          if (topic === RESULTS_TOPIC || !isRefusal(error)) throw error;
          listener({ type: "reply_refused", topic, reason: error.message });
        }
      }));
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
  const fallback = () => encodeResult(shortened(result), { id, key: id });
  const { replyTo: topic = RESULTS_TOPIC } = origin;
  const forAll = { topic: RESULTS_TOPIC, message, fallback };
  return topic === RESULTS_TOPIC ? [forAll] : [forAll, { topic, message, fallback }];
}

/** Without the texts of its sender. */
function shortened(result: Result): Result {
  const { actual: _actual, fileName: _fileName, ...rest } = result;
  if (rest.status === "classified") return rest;
  const { model, error: { code, message } } = rest;
  return { ...rest, model: model && cut(model), error: { code, message: cut(message) } };
}

function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS);
}

/** Whether a topic is the reason why the bus does not store a message: not its size, nor that the bus is unavailable. */
export function isRefusal(error: unknown): error is BusError {
  return error instanceof BusError && (error.code === "invalid" || error.code === "denied");
}
