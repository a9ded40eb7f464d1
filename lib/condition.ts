/**
 * A condition that others wait for: state is checked by the waiter, the condition only signals when to look again.
 *
 * @example
 * ```ts
 * import { Condition } from "./condition.ts";
 * const changed = new Condition();
 * let ready = false;
 * queueMicrotask(() => {
 *   ready = true;
 *   changed.notify();
 * });
 * while (!ready) await changed.wait();
 * ```
 */
export class Condition {
  /** Only while somebody waits: most notifications wake nobody, and come once per image. */
  #next: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next {@linkcode Condition.notify}. */
  wait(): Promise<void> {
    this.#next ??= Promise.withResolvers();
    return this.#next.promise;
  }

  /** Wakes everyone who waits. */
  notify(): void {
    this.#next?.resolve();
    this.#next = undefined;
  }
}
