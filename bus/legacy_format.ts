/**
 * Records of the legacy system, so that its producers can stay as they are.
 *
 * Key: the true label as decimal text (`9`, or `[3]` if the producer printed a one-element array). Value: a
 * JSON string with the base64 of a JPEG. The topic determines the model. There is no id.
 *
 * @module
 */
import { messageOf } from "../lib/coded_error.ts";
import type { Message } from "./transport/transport.ts";

const MODELS: Readonly<Record<string, string>> = {
  topic_fashion: "fashion-mnist",
  topic_mnist: "mnist",
  topic_cifar: "cifar-10",
};

/** A decoded record. */
export interface LegacyRecord {
  /** The model of its topic. */
  readonly model: string;
  /** The JPEG. */
  readonly image: Uint8Array;
  /** The true label from its key, as decimal text. */
  readonly actual?: string;
}

/**
 * Whether a topic belongs to the legacy system.
 *
 * @param topic Any topic.
 */
export function isLegacyTopic(topic: string): boolean {
  return Object.hasOwn(MODELS, topic);
}

/**
 * The legacy topics whose records a model classifies.
 *
 * @param model A model's name.
 */
export function legacyTopics(model: string): string[] {
  return Object.keys(MODELS).filter((topic) => MODELS[topic] === model);
}

/**
 * Decodes a legacy record.
 *
 * @param message A record for whose topic {@linkcode isLegacyTopic} holds.
 * @returns The decoded record, or what is wrong with it.
 */
export function decodeLegacyRecord(message: Message): LegacyRecord | string {
  const model = MODELS[message.topic]!;
  try {
    const image = Uint8Array.fromBase64(JSON.parse(new TextDecoder().decode(message.value)));
    return { model, image, ...actualLabel(message) };
  } catch (cause) {
    return `The value is not a JSON string in base64: ${messageOf(cause)}`;
  }
}

function actualLabel(message: Message): { actual?: string } {
  const label = typeof message.key === "string" ? /^\[?(\d{1,9})\]?$/.exec(message.key)?.[1] : undefined;
  return label === undefined ? {} : { actual: label };
}
