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
  #next = Promise.withResolvers<void>();

  /** Resolves at the next {@linkcode Condition.notify}. */
  wait(): Promise<void> {
    return this.#next.promise;
  }

  /** Wakes everyone who waits. */
  notify(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
