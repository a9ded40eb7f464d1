/**
 * What a transport does on this machine: `deno run -A bench/transport.ts kafka://127.0.0.1:9092 [messages]`.
 *
 * Messages have 500 bytes and 6 headers, as the images of the seed have. Each figure is printed with how it was taken.
 *
 * @module
 */
import { sleep } from "../lib/sleep.ts";
import process from "node:process";
import { openTransport } from "../bus/connect.ts";
import type { OutgoingMessage, Transport } from "../bus/transport/transport.ts";

const [url = "memory:", count = "100000"] = Deno.args;
const COUNT = Number(count);
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

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

function report(what: string, seconds: number): void {
  console.log(`${what}: ${Math.round(COUNT / seconds).toLocaleString("en")} messages/s`);
}

async function send(transport: Transport, topic: string): Promise<void> {
  const messages = Array.from({ length: COUNT }, (_, index) => message(index));
  let next = 0;
  const sender = async () => {
    while (next < COUNT) await transport.send(topic, [messages[next++]!]);
  };
  report(
    `send, one message a call, ${SENDERS} calls at a time`,
    await timed(async () => void await Promise.all(Array.from({ length: SENDERS }, sender))),
  );
}

async function receive(transport: Transport, topic: string, group?: string): Promise<void> {
  const seconds = await timed(async () => {
    await using subscription = await transport.subscribe([topic], group === undefined ? {} : { group });
    let received = 0;
    for await (const { claim, messages } of subscription) {
      received += messages.length;
      if (group) await subscription.commit(new Map([[claim, messages.at(-1)!.offset + 1]]));
      if (received === COUNT) return;
    }
  });
  report(group ? "receive in a group, each batch committed" : "receive without a group", seconds);
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
  console.log(`send until received, from the end, ${PINGS} times: median ${at(0.5)}, 99 % ${at(0.99)}`);
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
  console.log(`idle, one subscription in a group and one without: ${share.toFixed(2)} % of a core`);
  await Promise.all([grouped.close(), alone.close()]);
  await Promise.all(loops);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const run = crypto.randomUUID().slice(0, 8);
await using transport = await openTransport(url);
const topic = `bench-${run}`;
await send(transport, topic);
await receive(transport, topic);
await receive(transport, topic, `bench-${run}`);
await pingPong(transport, `bench-ping-${run}`);
await idle(transport, `bench-ping-${run}`);
