import { isLegacyTopic } from "./legacy_format.ts";
import { isTopicName } from "./transport/validate.ts";

/** The results of all requests. */
export const RESULTS_TOPIC = "imagebus.results";

/** Requests that could not be classified, with their original bytes and headers. */
export const DEAD_LETTERS_TOPIC = "imagebus.dead-letters";

/** Which dead letters were acknowledged. */
export const ACKNOWLEDGEMENTS_TOPIC = "imagebus.dead-letters.acknowledged";

/** What two versions of a model answered for the same images. */
export const COMPARISONS_TOPIC = "imagebus.comparisons";

/**
 * Model of requests that name none: the documented default of senders, so that a first image needs no
 * options. Nothing else in `bus/` knows a model by name, except the legacy format.
 */
export const DEFAULT_MODEL = "fashion-mnist";

const PREFIX = "imagebus.";
const MODEL_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const RESERVED = new Set([RESULTS_TOPIC, DEAD_LETTERS_TOPIC, COMPARISONS_TOPIC]);

/**
 * Whether a text is a valid model name: 1 to 63 lower-case letters, digits and dashes, and not `results`,
 * `dead-letters` or `comparisons`, whose topics are imagebus's own.
 *
 * @param name Any text.
 */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name) && !RESERVED.has(PREFIX + name);
}

/**
 * The topic of the requests for a model.
 *
 * @param model A name for which {@linkcode isModelName} holds.
 */
export function requestTopic(model: string): string {
  return PREFIX + model;
}

/**
 * The model whose requests a topic holds.
 *
 * @param topic Any topic.
 * @returns The name of the model; `null` for any other topic.
 */
export function modelOfTopic(topic: string): string | null {
  const name = topic.slice(PREFIX.length);
  return topic.startsWith(PREFIX) && isModelName(name) ? name : null;
}

const NOT_FOR_RESULTS = new Set([DEAD_LETTERS_TOPIC, ACKNOWLEDGEMENTS_TOPIC, COMPARISONS_TOPIC]);

/** What {@linkcode isReplyTopic} accepts. */
export const REPLY_TOPIC =
  "1 to 249 of the characters A-Z a-z 0-9 . _ -, and not a topic of requests or dead letters";

/**
 * Whether a request can ask for its result on a topic: where others read requests or dead letters, a result would be a
 * malformed one.
 *
 * @param topic Any text.
 */
export function isReplyTopic(topic: string): boolean {
  return isTopicName(topic) && modelOfTopic(topic) === null && !isLegacyTopic(topic) &&
    !NOT_FOR_RESULTS.has(topic);
}
