import { RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Message, Transport } from "../../bus/transport/transport.ts";
import { sleep } from "../../lib/sleep.ts";
import { RunningSystem, type System } from "./system.ts";

const LOOK_MS = 100;
/** Until a process is ready: Python imports TensorFlow for a while. */
const START_MS = 120_000;
/** Limits of a run. */
export interface RunLimits {
  /** Number of images on the bus. */
  readonly images: number;
  /** A run ends so many seconds after its first result, finished or not. */
  readonly seconds: number;
}

/** What a run gave. */
export interface Run {
  /** Of the half of the images that were classified fastest, one after the other. */
  readonly imagesPerSecond: number;
  /** CPU time of its processes per image, from their start to the end, in microseconds. */
  readonly cpuMicroseconds: number;
  /** Number of images that have a result. */
  readonly images: number;
  /** Index of the class, per id. */
  readonly labels: ReadonlyMap<string, number>;
}

/**
 * Lets a system classify the images that are on a bus, and reads back what it stored. The speed is taken from the times at
 * which the bus stored the results, so that watching costs nothing.
 *
 * @param system What runs.
 * @param transport The bus.
 * @param limits Of the run.
 * @throws {Error} If one of its processes ends, or there is no result.
 */
export async function run(system: System, transport: Transport, limits: RunLimits): Promise<Run> {
  const id = crypto.randomUUID().slice(0, 8);
  const topic = system.isImagebus ? RESULTS_TOPIC : `bench.results.${id}`;
  await transport.ensureTopics([topic]);
  const before = await countOf(transport, topic);
  const since = new Date();
  await using running = new RunningSystem(await system.commands(`bench-${id}`, topic));
  const watching = untilDone(transport, topic, before, limits);
  await Promise.race([watching, running.ended()]);
  const cpu = await running.cpu();
  const messages = await readSince(transport, topic, since);
  const labels = new Map(messages.map(labelOf));
  const times = messages.map(({ timestamp }) => timestamp).sort((a, b) => a - b);
  return {
    imagesPerSecond: speedOf(times),
    cpuMicroseconds: cpu * 1e6 / labels.size,
    images: labels.size,
    labels,
  };
}

async function untilDone(
  transport: Transport,
  topic: string,
  before: number,
  { images, seconds }: RunLimits,
): Promise<void> {
  let deadline = performance.now() + START_MS;
  for (let begun = false; performance.now() < deadline; await sleep(LOOK_MS)) {
    const count = await countOf(transport, topic) - before;
    if (count >= images) return;
    if (!begun && count > 0) deadline = performance.now() + seconds * 1_000;
    begun ||= count > 0;
  }
}

async function countOf(transport: Transport, topic: string): Promise<number> {
  const [info] = await transport.topics(undefined, [topic]);
  return info!.partitions.reduce((sum, { end }) => sum + end, 0);
}

async function readSince(transport: Transport, topic: string, since: Date): Promise<Message[]> {
  await using stored = await transport.subscribe([topic], { from: since, until: "end" });
  const messages: Message[] = [];
  for await (const batch of stored) messages.push(...batch.messages);
  if (messages.length < 2) throw new Error("There are no results");
  return messages;
}

function labelOf({ key, headers, value }: Message): [id: string, index: number] {
  const id = headers["ce_id"] ?? key!;
  const text = typeof id === "string" ? id : new TextDecoder().decode(id);
  return [text, JSON.parse(new TextDecoder().decode(value)).index];
}

/**
 * Images per second of the fastest half in a row: processes join one after the other, compile, and do not end together.
 *
 * @param times When each image was done, in milliseconds, in order.
 */
export function speedOf(times: readonly number[]): number {
  const half = times.length >> 1;
  const shortest = times.slice(half).reduce((least, end, i) => Math.min(least, end - times[i]!), Infinity);
  return half / Math.max(shortest, 1) * 1_000;
}
