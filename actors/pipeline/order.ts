import type { Message } from "../../bus/transport/transport.ts";

/** What is kept in order. */
export interface Ordered {
  /** See {@linkcode orderKeyOf}. */
  readonly orderKey: string | null;
  /** Truthy as soon as it may be released. */
  readonly settled: unknown;
}

/**
 * Releases items of equal keys in the order in which they entered, whichever is settled first: several
 * Workers of a model finish in any order, and a refused request is settled at once. Items of other keys do
 * not wait.
 *
 * @example
 * ```ts
 * import { KeyOrder } from "./order.ts";
 * const released: string[] = [];
 * const order = new KeyOrder<{ id: string; orderKey: string; settled: boolean }>(({ id }) => released.push(id));
 * const [first, second] = ["first", "second"].map((id) => ({ id, orderKey: "k", settled: false }));
 * for (const item of [first!, second!]) order.enter(item);
 * for (const item of [second!, first!]) {
 *   item.settled = true;
 *   order.settled(item);
 * }
 * if (released.join() !== "first,second") throw new Error("unexpected");
 * ```
 */
export class KeyOrder<T extends Ordered> {
  readonly #release: (item: T) => void;
  readonly #queues = new Map<string, T[]>();

  /** @param release Called once per item, in order. */
  constructor(release: (item: T) => void) {
    this.#release = release;
  }

  /** An item takes its place behind those of its key. */
  enter(item: T): void {
    if (item.orderKey === null) return;
    const queue = this.#queues.get(item.orderKey);
    if (queue) queue.push(item);
    else this.#queues.set(item.orderKey, [item]);
  }

  /** An item is settled: releases it and those that waited for it, unless it has to wait itself. */
  settled(item: T): void {
    if (item.orderKey === null) return this.#release(item);
    const queue = this.#queues.get(item.orderKey)!;
    while (queue[0]?.settled) this.#release(queue.shift()!);
    if (queue.length === 0) this.#queues.delete(item.orderKey);
  }
}

/**
 * Identifies the requests whose results keep their order.
 *
 * @param message A request.
 * @returns `null` where it has no key, and so no order.
 */
export function orderKeyOf(
  { topic, partition, key }: Pick<Message, "topic" | "partition" | "key">,
): string | null {
  if (key === null) return null;
  return `${topic} ${partition} ${typeof key === "string" ? `text ${key}` : key.toBase64()}`;
}
