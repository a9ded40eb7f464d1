/** Everyone's results. */
export const RESULTS_TOPIC = "imagebus.results";

/** What could not be classified, with the original bytes and headers. */
export const DEAD_LETTERS_TOPIC = "imagebus.dead-letters";

/** The model that is asked when nobody says which. */
export const DEFAULT_MODEL = "fashion-mnist";

const PREFIX = "imagebus.";
const MODEL_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const RESERVED = new Set([RESULTS_TOPIC, DEAD_LETTERS_TOPIC]);

/**
 * Whether a name can be a model's: lower-case letters, digits and dashes, and not the name of one of imagebus's own topics.
 *
 * @param name Any text.
 */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name) && !RESERVED.has(PREFIX + name);
}

/**
 * The topic that holds the requests to a model.
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
 * @returns The model's name, or `null` for every other topic.
 */
export function modelOfTopic(topic: string): string | null {
  const name = topic.slice(PREFIX.length);
  return topic.startsWith(PREFIX) && isModelName(name) ? name : null;
}
