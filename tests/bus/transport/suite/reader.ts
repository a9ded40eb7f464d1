import type {
  Batch,
  Claim,
  Message,
  SubscribeOptions,
  Subscription,
  Transport,
} from "../../../../bus/transport/transport.ts";
import { within } from "./harness.ts";

const decoder = new TextDecoder();

/** The value as text. */
export function text(message: Message): string {
  return decoder.decode(message.value);
}

/** UTF-8. */
export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Iterates over a subscription and collects the messages. */
export class Reader implements AsyncDisposable {
  readonly messages: Message[] = [];
  readonly batches: Batch[] = [];
  readonly subscription: Subscription;
  /** Resolves when the iteration ends. */
  readonly ended: Promise<void>;
  #arrived = Promise.withResolvers<void>();

  /** @param commit Whether each batch is committed at once. */
  constructor(subscription: Subscription, commit = false) {
    this.subscription = subscription;
    this.ended = this.#read(commit);
    this.ended.catch(() => {});
  }

  /** Subscribes and starts iterating. */
  static async open(
    transport: Transport,
    topics: readonly string[],
    { commit = false, ...options }: SubscribeOptions & { commit?: boolean } = {},
  ): Promise<Reader> {
    return new Reader(await within(transport.subscribe(topics, options), "subscribe"), commit);
  }

  async #read(commit: boolean): Promise<void> {
    for await (const batch of this.subscription) {
      this.batches.push(batch);
      this.messages.push(...batch.messages);
      if (commit) await this.subscription.commit(new Map([[batch.claim, batch.messages.at(-1)!.offset + 1]]));
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    }
  }

  /** The values as text, in the order of delivery. */
  get texts(): string[] {
    return this.messages.map(text);
  }

  /** Resolves when this many messages have come, or a condition holds. */
  async until(wanted: number | (() => boolean)): Promise<void> {
    const isSo = typeof wanted === "number" ? () => this.messages.length >= wanted : wanted;
    const wait = async () => {
      while (!isSo()) await Promise.race([this.#arrived.promise, this.#endedEarly()]);
    };
    await within(wait(), `${wanted} messages; ${this.messages.length} came`);
  }

  async #endedEarly(): Promise<never> {
    await this.ended;
    throw new Error(`The iteration ended after ${this.messages.length} messages`);
  }

  /** Commits everything received. */
  async commit(): Promise<void> {
    await within(this.subscription.commit(positions(this.batches)), "commit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await within(this.subscription.close(), "close of a subscription");
    await within(this.ended, "end of an iteration");
  }
}

/** For each claim the offset after its last message. */
export function positions(batches: readonly Batch[]): Map<Claim, number> {
  return new Map(batches.map(({ claim, messages }) => [claim, messages.at(-1)!.offset + 1]));
}

/** Messages whose values are `${label}0`, `${label}1`, …; without keys. */
export function numbered(count: number, label = ""): { value: Uint8Array }[] {
  return Array.from({ length: count }, (_, index) => ({ value: bytes(`${label}${index}`) }));
}

/** A sorted copy, to compare without regard to the order. */
export function sorted(texts: readonly string[]): string[] {
  return texts.toSorted();
}
