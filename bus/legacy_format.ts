/**
 * Records of the Python system that imagebus replaces, so that its producers go on unchanged.
 *
 * Key: the true label as decimal text (`9`, or `[3]` where a one-element array was printed). Value: a JSON string with
 * the base64 of a JPEG. The topic says the model. There is no id.
 *
 * @module
 */
import type { Message } from "./transport/transport.ts";

const MODELS: Readonly<Record<string, string>> = {
  topic_fashion: "fashion-mnist",
  topic_mnist: "mnist",
  topic_cifar: "cifar-10",
};

/** What such a record says. */
export interface LegacyRecord {
  /** The model that its topic stands for. */
  readonly model: string;
  /** The JPEG. */
  readonly image: Uint8Array;
  /** The true label in its key. */
  readonly actual?: string;
}

/**
 * Whether a topic is one of the replaced system's.
 *
 * @param topic Any topic.
 */
export function isLegacyTopic(topic: string): boolean {
  return Object.hasOwn(MODELS, topic);
}

/**
 * The topics of the replaced system that ask a model.
 *
 * @param model A model's name.
 */
export function legacyTopics(model: string): string[] {
  return Object.keys(MODELS).filter((topic) => MODELS[topic] === model);
}

/**
 * Reads a record of the replaced system.
 *
 * @param message A record for whose topic {@linkcode isLegacyTopic} holds.
 * @returns The record, or what is wrong with it.
 */
export function decodeLegacyRecord(message: Message): LegacyRecord | string {
  const model = MODELS[message.topic];
  if (model === undefined) return `${message.topic} is no topic of the replaced system`;
  try {
    const image = Uint8Array.fromBase64(JSON.parse(new TextDecoder().decode(message.value)));
    return { model, image, ...actualLabel(message) };
  } catch (cause) {
    return `The value is not a JSON string with base64 inside: ${(cause as Error).message}`;
  }
}

function actualLabel(message: Message): { actual?: string } {
  const label = typeof message.key === "string" ? /^\[?(\d{1,9})\]?$/.exec(message.key)?.[1] : undefined;
  return label === undefined ? {} : { actual: label };
}
