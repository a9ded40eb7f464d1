import type { OutgoingMessage } from "../transport.ts";
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
   * @param signal Withdraws messages that have not been stored yet; such messages do not share a part with
   * others.
   */
  async send(
    topic: string,
    messages: readonly OutgoingMessage[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (signal) this.#open.delete(topic);
    const parts = new Set(messages.map((message) => this.#join(topic, message, signal)));
    if (signal) this.#open.delete(topic);
    await Promise.all([...parts].map(({ stored }) => stored));
  }

  #join(topic: string, message: OutgoingMessage, signal: AbortSignal | undefined): Part {
    const open = this.#open.get(topic);
    const part = open && hasRoom(open) ? open : this.#begin(topic, signal);
    part.messages.push(message);
    part.bytes += message.value.length + RECORD_OVERHEAD_BYTES;
    return part;
  }

  #begin(topic: string, signal: AbortSignal | undefined): Part {
    const openUntil = performance.now() + PART_OPEN_MS;
    const part: Part = { messages: [], bytes: 0, openUntil, stored: Promise.resolve() };
    const end = () => {
      if (this.#open.get(topic) === part) this.#open.delete(topic);
    };
    const work = () => {
      end();
      this.append(topic, part.messages);
    };
    part.stored = this.#store.writer.run(work, { bytes: () => part.bytes, signal });
    part.stored.then(end, end);
    this.#open.set(topic, part);
    return part;
  }

  /**
   * Stores messages; to be called inside a transaction.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   */
  append(topic: string, messages: readonly OutgoingMessage[]): void {
    const records = messages.map(encodeRecord);
    this.#store.retention.reserve(records.reduce((sum, record) => sum + recordBytes(record), 0));
    this.#store.log.append(this.#ensure(topic), records);
  }
}

function hasRoom({ messages, bytes, openUntil }: Part): boolean {
  return messages.length < PART_MESSAGES && bytes < PART_BYTES && performance.now() < openUntil;
}
