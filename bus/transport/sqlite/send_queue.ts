import type { OutgoingMessage, SendMessagesOptions } from "../transport.ts";
import type { Topic } from "./log.ts";
import { encodeRecord, RECORD_OVERHEAD_BYTES, recordBytes } from "./record.ts";
import type { Store } from "./store.ts";

/** Approximate size of a full part: larger transactions would block the thread for too long. */
const PART_MESSAGES = 500;
const PART_BYTES = 1_048_576;

/** Later messages start a new part: the deadline of a part counts from its first message. */
const PART_OPEN_MS = 50;

/** Messages to one topic that are stored together. */
interface Part {
  readonly messages: OutgoingMessage[];
  readonly openUntil: number;
  bytes: number;
  stored: Promise<void>;
  /** Of the same call; where that was not stored, neither is this, or it would overtake it when both are sent again. */
  after: Part | undefined;
  error: unknown;
}

/** Combines concurrent sends to a topic: messages are stored in the order of the calls, many at once. */
export class SendQueue {
  readonly #store: Store;
  readonly #ensure: (topic: string) => Topic;
  readonly #open = new Map<string, Part>();

  /**
   * @param store Stores the messages.
   * @param ensure Finds or creates a topic; called inside a transaction.
   */
  constructor(store: Store, ensure: (topic: string) => Topic) {
    this.#store = store;
    this.#ensure = ensure;
  }

  /**
   * Stores messages. They are encoded only inside the transaction, so that waiting messages take no
   * additional memory.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   * @param options `signal` withdraws messages that have not been stored yet; such messages do not share a part with
   * others.
   */
  async send(
    topic: string,
    messages: readonly OutgoingMessage[],
    options: SendMessagesOptions,
  ): Promise<void> {
    const name = openName(topic, options);
    if (options.signal) this.#open.delete(name);
    const parts = [...new Set(messages.map((message) => this.#join(topic, message, options)))];
    if (options.signal) this.#open.delete(name);
    for (const [i, part] of parts.entries()) part.after ??= parts[i - 1];
    await Promise.all(parts.map(({ stored }) => stored));
  }

  #join(topic: string, message: OutgoingMessage, options: SendMessagesOptions): Part {
    const open = this.#open.get(openName(topic, options));
    const part = open && hasRoom(open) ? open : this.#begin(topic, options);
    part.messages.push(message);
    part.bytes += message.value.length + RECORD_OVERHEAD_BYTES;
    return part;
  }

  #begin(topic: string, options: SendMessagesOptions): Part {
    const { signal, isAnswer = false } = options;
    const name = openName(topic, options);
    const openUntil = performance.now() + PART_OPEN_MS;
    const part: Part = {
      messages: [],
      bytes: 0,
      openUntil,
      stored: Promise.resolve(),
      after: undefined,
      error: undefined,
    };
    const close = () => {
      if (this.#open.get(name) === part) this.#open.delete(name);
    };
    const end = (error?: unknown) => {
      close();
      part.error = error;
      part.after = undefined;
    };
    const work = () => {
      close();
      if (part.after?.error !== undefined) throw part.after.error;
      this.append(topic, part.messages, isAnswer);
    };
    part.stored = this.#store.writer.run(work, { bytes: () => part.bytes, signal });
    part.stored.then(() => end(), end);
    this.#open.set(name, part);
    return part;
  }

  /**
   * Stores messages; to be called inside a transaction.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   * @param isAnswer As {@linkcode SendMessagesOptions.isAnswer}.
   */
  append(topic: string, messages: readonly OutgoingMessage[], isAnswer: boolean): void {
    const records = messages.map(encodeRecord);
    this.#store.retention.reserve(records.reduce((sum, record) => sum + recordBytes(record), 0), isAnswer);
    this.#store.log.append(this.#ensure(topic), records);
  }
}

function hasRoom({ messages, bytes, openUntil }: Part): boolean {
  return messages.length < PART_MESSAGES && bytes < PART_BYTES && performance.now() < openUntil;
}

/** Answers do not share a part with other messages: one of these can be refused. */
function openName(topic: string, { isAnswer = false }: SendMessagesOptions): string {
  return isAnswer ? `answers ${topic}` : topic;
}
