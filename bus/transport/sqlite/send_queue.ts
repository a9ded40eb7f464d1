import type { OutgoingMessage, SendMessagesOptions } from "../transport.ts";
import type { Topic } from "./log.ts";
import { encodeRecord, RECORD_OVERHEAD_BYTES, recordBytes, type StoredRecord } from "./record.ts";
import type { Store } from "./store.ts";

/** Approximate size of a full part: larger transactions would block the thread for too long. */
const PART_MESSAGES = 500;
const PART_BYTES = 1_048_576;

/** Later messages start a new part: the deadline of a part counts from its first message. */
const PART_OPEN_MS = 50;

/** The messages of one send that are in the same part: all of them are stored, or none. */
interface Share {
  readonly messages: OutgoingMessage[];
  readonly isAnswer: boolean;
  /** Of the same send. Where it was refused so is this one, or it would overtake it when both are sent again. */
  readonly before: Share | undefined;
  /** Why it was refused. */
  error: unknown;
}

/** Messages to one topic that are stored together. */
interface Part {
  readonly shares: Share[];
  readonly openUntil: number;
  messages: number;
  bytes: number;
  stored: Promise<void>;
}

interface Place {
  readonly part: Part;
  readonly share: Share;
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
    if (options.signal) this.#open.delete(topic);
    const places = this.#place(topic, messages, options);
    if (options.signal) this.#open.delete(topic);
    for (const { part, share } of places) {
      await part.stored;
      if (share.error !== undefined) throw share.error;
    }
  }

  #place(
    topic: string,
    messages: readonly OutgoingMessage[],
    { signal, isAnswer = false }: SendMessagesOptions,
  ): Place[] {
    const places: Place[] = [];
    for (const message of messages) {
      const open = this.#open.get(topic);
      const part = open && hasRoom(open) ? open : this.#begin(topic, signal);
      const last = places.at(-1);
      if (last?.part !== part) {
        const share = { messages: [], isAnswer, before: last?.share, error: undefined };
        part.shares.push(share);
        places.push({ part, share });
      }
      places.at(-1)!.share.messages.push(message);
      part.messages++;
      part.bytes += message.value.length + RECORD_OVERHEAD_BYTES;
    }
    return places;
  }

  #begin(topic: string, signal: AbortSignal | undefined): Part {
    const openUntil = performance.now() + PART_OPEN_MS;
    const part: Part = { shares: [], messages: 0, bytes: 0, openUntil, stored: Promise.resolve() };
    const close = () => {
      if (this.#open.get(topic) === part) this.#open.delete(topic);
    };
    const work = () => {
      close();
      this.#storeFitting(topic, part.shares);
    };
    part.stored = this.#store.writer.run(work, { bytes: () => part.bytes, signal });
    part.stored.then(close, (error) => {
      close();
      for (const share of part.shares) share.error = error;
    });
    this.#open.set(topic, part);
    return part;
  }

  #storeFitting(topic: string, shares: readonly Share[]): void {
    const fitting: StoredRecord[] = [];
    for (const share of shares) {
      const records = share.messages.map(encodeRecord);
      // Overwritten if the transaction was rolled back because of other work.
      share.error = share.before?.error ?? this.#reserve(records, share.isAnswer) ?? undefined;
      if (share.error === undefined) fitting.push(...records);
    }
    if (fitting.length > 0) this.#store.log.append(this.#ensure(topic), fitting);
  }

  /**
   * Stores messages that answer others; to be called inside a transaction.
   *
   * @param topic A valid name.
   * @param messages Already checked.
   */
  appendAnswers(topic: string, messages: readonly OutgoingMessage[]): void {
    const records = messages.map(encodeRecord);
    this.#reserve(records, true);
    this.#store.log.append(this.#ensure(topic), records);
  }

  /** @returns `queue_full` if there is no room. */
  #reserve(records: readonly StoredRecord[], isAnswer: boolean) {
    return this.#store.retention.reserve(
      records.reduce((sum, record) => sum + recordBytes(record), 0),
      isAnswer,
    );
  }
}

function hasRoom({ messages, bytes, openUntil }: Part): boolean {
  return messages < PART_MESSAGES && bytes < PART_BYTES && performance.now() < openUntil;
}
