import type { ConnectOptions } from "../bus/connect.ts";

/**
 * The options that a bus takes: `connect` refuses those of another kind.
 *
 * @param url Of the bus.
 * @param options For each kind.
 */
export function optionsFor(url: string, { kafka, sqlite, ...common }: ConnectOptions): ConnectOptions {
  if (url.startsWith("kafka")) return { ...common, ...kafka && { kafka } };
  return { ...common, ...sqlite && { sqlite } };
}
