/**
 * `deno task bench:transport`: the speed of a transport on this machine.
 *
 * Messages have 500 bytes and 6 headers, like those of a small image.
 *
 * @module
 */
import process from "node:process";
import { openTransport } from "../bus/connect.ts";
import type { OutgoingMessage, Transport } from "../bus/transport/transport.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { count } from "../lib/options.ts";
import { mapConcurrent } from "../lib/map_concurrent.ts";
import { sleep } from "../lib/sleep.ts";

/** What is measured. */
interface Bench {
  readonly transport: Transport;
  readonly topic: string;
  /** Number of messages. */
  readonly count: number;
}

const SENDERS = 256;
const PINGS = 2_000;
const IDLE_MS = 10_000;

function message(index: number): OutgoingMessage {
  return {
    key: `${index}`,
    value: crypto.getRandomValues(new Uint8Array(500)),
    headers: {
      ce_specversion: "1.0",
      ce_id: `${index}`,
      ce_source: "bench",
      ce_type: "imagebus.classify",
      ce_time: "2025-01-01T00:00:00Z",
      "content-type": "image/png",
    },
  };
}

/** @returns Seconds. */
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

function report(what: string, count: number, seconds: number): void {
  print(`${what}: ${Math.round(count / seconds).toLocaleString("en")} messages/s`);
}

async function send({ transport, topic, count }: Bench): Promise<void> {
  const messages = Array.from({ length: count }, (_, index) => message(index));
  const seconds = await timed(async () => {
    await mapConcurrent(messages, SENDERS, (message) => transport.send(topic, [message]));
  });
  report(`send, one message per call, ${SENDERS} concurrent calls`, count, seconds);
}

async function receive({ transport, topic, count }: Bench, group?: string): Promise<void> {
  const seconds = await timed(async () => {
    await using subscription = await transport.subscribe([topic], group === undefined ? {} : { group });
    let received = 0;
    for await (const { claim, messages } of subscription) {
      received += messages.length;
      if (group) await subscription.commit(new Map([[claim, messages.at(-1)!.offset + 1]]));
      if (received === count) return;
    }
  });
  report(group ? "receive in a group, committing each batch" : "receive without a group", count, seconds);
}

async function pingPong(transport: Transport, topic: string): Promise<void> {
  await transport.ensureTopics([topic]);
  await using subscription = await transport.subscribe([topic], { from: "end" });
  const batches = subscription[Symbol.asyncIterator]();
  const times: number[] = [];
  for (let index = 0; index < PINGS; index++) {
    const start = performance.now();
    await transport.send(topic, [message(index)]);
    await batches.next();
    times.push(performance.now() - start);
    await sleep(1);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => `${times[Math.floor(times.length * share)]!.toFixed(2)} ms`;
  print(`send until received, from the end, ${PINGS} times: median ${at(0.5)}, p99 ${at(0.99)}`);
}

async function idle(transport: Transport, topic: string): Promise<void> {
  await using grouped = await transport.subscribe([topic], { group: crypto.randomUUID(), from: "end" });
  await using alone = await transport.subscribe([topic], { from: "end" });
  const loops = [grouped, alone].map(async (subscription) => {
    for await (const _ of subscription);
  });
  await sleep(2_000);
  const before = cpuMs();
  await sleep(IDLE_MS);
  const share = (cpuMs() - before) / IDLE_MS * 100;
  print(`idle, one subscription in a group and one without: ${share.toFixed(2)} % of a core`);
  await Promise.all([grouped.close(), alone.close()]);
  await Promise.all(loops);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

await runTask({
  name: "bench:transport",
  summary: "Measure throughput, latency and idle CPU of a transport",
  operands: { form: "[URL]", min: 0, max: 1 },
  options: {
    messages: { ...count(10_000_000), default: 100_000, text: "number of messages" },
  },
  examples: [["deno task bench:transport kafka://127.0.0.1:9092", "a Kafka; without a URL, memory"]],
  async run({ operands: [url = "memory:"], values }) {
    const id = crypto.randomUUID().slice(0, 8);
    await using transport = await openTransport(url);
    const bench: Bench = { transport, topic: `bench-${id}`, count: values.messages };
    await send(bench);
    await receive(bench);
    await receive(bench, `bench-${id}`);
    await pingPong(transport, `bench-ping-${id}`);
    await idle(transport, `bench-ping-${id}`);
    return 0;
  },
});
