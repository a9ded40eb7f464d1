import type { Message } from "../../bus/transport/transport.ts";

/** Says that a result is ready; `go` is called when all before it with the same key have gone. */
export type Ready = (go: () => void) => void;

interface Turn {
  go: (() => void) | null;
}

/**
 * Lets results of equal keys go in the order in which their requests came, whichever is ready first: several Workers of a
 * model finish in any order, and a refused request is answered at once. Results of other keys do not wait.
 *
 * @example
 * ```ts
 * import { KeyOrder } from "./order.ts";
 * const order = new KeyOrder();
 * const [first, second] = [1, 2].map(() => order.enter({ topic: "t", partition: 0, key: "k" }));
 * const gone: number[] = [];
 * second!(() => gone.push(2));
 * first!(() => gone.push(1));
 * if (gone.join() !== "1,2") throw new Error("unexpected");
 * ```
 */
export class KeyOrder {
  readonly #queues = new Map<string, Turn[]>();

  /**
   * Notes a request, in the order of its partition.
   *
   * @param message The request; without a key it waits for nobody.
   * @returns To be called once.
   */
  enter({ topic, partition, key }: Pick<Message, "topic" | "partition" | "key">): Ready {
    if (key === null) return (go) => go();
    const name = `${topic} ${partition} ${typeof key === "string" ? `text ${key}` : key.toBase64()}`;
    const turn: Turn = { go: null };
    const queue = this.#queues.get(name);
    if (queue) queue.push(turn);
    else this.#queues.set(name, [turn]);
    return (go) => {
      turn.go = go;
      this.#advance(name);
    };
  }

  #advance(name: string): void {
    const queue = this.#queues.get(name) ?? [];
    while (queue[0]?.go) queue.shift()!.go!();
    if (queue.length === 0) this.#queues.delete(name);
  }
}
