import type { OutgoingMessage } from "../transport.ts";
import type { Topic } from "./log.ts";
import { encodeRecord, RECORD_OVERHEAD_BYTES, recordBytes } from "./record.ts";
import type { Store } from "./store.ts";

/** A part is full at about this size, so that no transaction blocks the thread for long. */
const PART_MESSAGES = 500;
const PART_BYTES = 1_048_576;

/** Later messages begin a new part, so that each waits about as long as it may for the locks of others. */
const PART_OPEN_MS = 50;

/** Messages to one topic that are stored together. */
interface Part {
  readonly messages: OutgoingMessage[];
  readonly openUntil: number;
  bytes: number;
  stored: Promise<void>;
}

/** Joins sends that wait at the same time: a topic's messages are stored in the order they were sent, many at once. */
export class SendQueue {
  readonly #store: Store;
  readonly #ensure: (topic: string) => Topic;
  readonly #open = new Map<string, Part>();

  /**
   * @param store Where to.
   * @param ensure Finds or makes a topic; called inside a transaction.
   */
  constructor(store: Store, ensure: (topic: string) => Topic) {
    this.#store = store;
    this.#ensure = ensure;
  }

  /**
   * Stores messages. They are encoded only when their turn has come: what waits costs no memory of its own.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   * @param signal Takes back what has not begun; such messages share no part with others.
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
   * Stores messages at once; to be called inside a transaction.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   */
  append(topic: string, messages: readonly OutgoingMessage[]): void {
    const records = messages.map(encodeRecord);
    this.#store.retention.makeRoom(records.reduce((sum, record) => sum + recordBytes(record), 0));
    this.#store.log.append(this.#ensure(topic), records);
  }
}

function hasRoom({ messages, bytes, openUntil }: Part): boolean {
  return messages.length < PART_MESSAGES && bytes < PART_BYTES && performance.now() < openUntil;
}
