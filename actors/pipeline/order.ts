import type { Message } from "../../bus/transport/transport.ts";

/** What keeps its place among others of the same key. */
export interface Ordered {
  /** See {@linkcode orderKeyOf}. */
  readonly orderKey: string | null;
  /** Truthy as soon as it may go, when it is its turn. */
  readonly settled: unknown;
}

/**
 * Lets results of equal keys go in the order in which their requests came, whichever is settled first: several Workers of a
 * model finish in any order, and a refused request is answered at once. Results of other keys do not wait.
 *
 * @example
 * ```ts
 * import { KeyOrder } from "./order.ts";
 * const gone: string[] = [];
 * const order = new KeyOrder<{ name: string; orderKey: string; settled: boolean }>(({ name }) => gone.push(name));
 * const [first, second] = ["first", "second"].map((name) => ({ name, orderKey: "k", settled: false }));
 * for (const item of [first!, second!]) order.enter(item);
 * for (const item of [second!, first!]) {
 *   item.settled = true;
 *   order.settled(item);
 * }
 * if (gone.join() !== "first,second") throw new Error("unexpected");
 * ```
 */
export class KeyOrder<T extends Ordered> {
  readonly #release: (item: T) => void;
  readonly #queues = new Map<string, T[]>();

  /** @param release Called once with each item that is settled, when it is its turn. */
  constructor(release: (item: T) => void) {
    this.#release = release;
  }

  /** Gives an item its place. Called in the order of its partition. */
  enter(item: T): void {
    if (item.orderKey === null) return;
    const queue = this.#queues.get(item.orderKey);
    if (queue) queue.push(item);
    else this.#queues.set(item.orderKey, [item]);
  }

  /** An item is settled: it is released, with those that waited for it, unless it has to wait itself. */
  settled(item: T): void {
    if (item.orderKey === null) return this.#release(item);
    const queue = this.#queues.get(item.orderKey)!;
    while (queue[0]?.settled) this.#release(queue.shift()!);
    if (queue.length === 0) this.#queues.delete(item.orderKey);
  }
}

/**
 * Equal for messages whose results keep their order.
 *
 * @param message A request.
 * @returns `null` for one without a key: it waits for nobody.
 */
export function orderKeyOf(
  { topic, partition, key }: Pick<Message, "topic" | "partition" | "key">,
): string | null {
  if (key === null) return null;
  return `${topic} ${partition} ${typeof key === "string" ? `text ${key}` : key.toBase64()}`;
}
