import type { Observer } from "./observer.ts";

/**
 * Several observers as one.
 *
 * @param observers Called in this order.
 */
export function observeAll(observers: readonly Observer[]): Observer {
  if (observers.length < 2) return observers[0] ?? {};
  return {
    serving: (models) => observers.forEach((one) => one.serving?.(models)),
    batch: (batch) => observers.forEach((one) => one.batch?.(batch)),
    stored: (results) => observers.forEach((one) => one.stored?.(results)),
    sinkWrite: (write) => observers.forEach((one) => one.sinkWrite?.(write)),
    commit: (commit) => observers.forEach((one) => one.commit?.(commit)),
  };
}
