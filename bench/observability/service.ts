/**
 * A service in a process of its own, for bench/observability.ts: `round N` on standard input sends it N images and prints
 * what they cost. They are sent as another program would have sent them, each with a trace context: what sending costs that
 * program is not the service's. `spans N S` begins and ends N spans per second for S seconds.
 *
 * @module
 */
import process from "node:process";
import { serve } from "../../actors/serve.ts";
import { Bus } from "../../bus/bus.ts";
import { encodeRequest } from "../../bus/envelope.ts";
import { requestTopic } from "../../bus/topics.ts";
import { tracer } from "../../bus/tracing.ts";
import type { OutgoingMessage } from "../../bus/transport/transport.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { WorkerHttp } from "../../cli/http/worker_http.ts";
import { sleep } from "../../lib/sleep.ts";
import { linesOf } from "../../testing/harness/lines.ts";
import { imagesOf } from "../../testing/images.ts";

/** Its only argument, as JSON. */
export interface ServiceSettings {
  /** Whether it serves metrics and the page. */
  readonly http: boolean;
  /** One trace of so many is sampled. */
  readonly sampled: number;
}

/** What it prints: first where its page is, then the answer to each line. */
export interface Started {
  readonly page: string | null;
}

/** Cost of a round. */
export interface Cost {
  /** CPU time of the process per image, in microseconds. */
  readonly cpu: number;
  /** Images per second. */
  readonly rate: number;
}

const MODEL = "mnist";
const SENT_AT_ONCE = 256;
const SPANS_MS = 10;

async function round(bus: Bus, images: number, sampled: number): Promise<Cost> {
  await using results = bus.results();
  await results.ready;
  const requests = Array.from({ length: images }, (_, i) => requestOf(i, i % sampled === 0));
  const begun = performance.now();
  const before = process.cpuUsage();
  let left = images;
  const all = (async () => {
    for await (const _ of results) if (--left === 0) return;
  })();
  for (let i = 0; i < images; i += SENT_AT_ONCE) {
    await bus.transport.send(requestTopic(MODEL), requests.slice(i, i + SENT_AT_ONCE));
  }
  await all;
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / images, rate: images / (performance.now() - begun) * 1_000 };
}

const DIGITS = imagesOf(MODEL);

function requestOf(number: number, isSampled: boolean): OutgoingMessage {
  const trace = crypto.randomUUID().replaceAll("-", "");
  const traceparent = `00-${trace}-${trace.slice(16)}-0${Number(isSampled)}`;
  const id = crypto.randomUUID();
  const image = DIGITS[number % DIGITS.length]!.png;
  return encodeRequest({ id, key: id, model: MODEL, image, traceparent }, "image/png");
}

/** On schedule: a late interval makes up for the ones that were missed. */
async function makeSpans(perSecond: number, seconds: number): Promise<number> {
  const begun = performance.now();
  let made = 0;
  while (made < perSecond * seconds) {
    const due = Math.min(seconds, (performance.now() - begun) / 1_000) * perSecond;
    for (; made < due; made++) tracer.startSpan("bench", { attributes: { number: made } }).end();
    await sleep(SPANS_MS);
  }
  return made;
}

async function main({ http: isOn, sampled }: ServiceSettings): Promise<void> {
  await using http = isOn
    ? new WorkerHttp({ hostname: "127.0.0.1", port: 0, token: undefined, actions: false, images: true })
    : null;
  await using bus = new Bus(createMemoryBroker().connect());
  const observed = http ? { observer: http.observer } : {};
  await using service = await serve(bus, { models: [MODEL], workersPerModel: 1, ...observed });
  http?.serving({ bus, service, group: "imagebus" });
  const started: Started = { page: http?.url ?? null };
  console.log(JSON.stringify(started));
  for await (const line of linesOf(Deno.stdin.readable)) {
    const [command, ...numbers] = line.split(" ");
    const [first = 0, second = 0] = numbers.map(Number);
    console.log(
      JSON.stringify(command === "round" ? await round(bus, first, sampled) : await makeSpans(first, second)),
    );
  }
}

if (import.meta.main) {
  await main(JSON.parse(Deno.args[0]!));
  Deno.exit(0);
}
