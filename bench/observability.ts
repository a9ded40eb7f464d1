/**
 * `deno task bench:observability`: what metrics, an open page and traces cost a service, in CPU time per image and in
 * throughput, and whether all spans arrive.
 *
 * Services in processes of their own classify the same images in turn. This process is the page that is open and the
 * collector that is exported to.
 *
 * @module
 */
import { runTask } from "../cli/task.ts";
import { columns, print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { count } from "../lib/options.ts";
import { linesOf } from "../testing/harness/lines.ts";
import { OtlpCollector } from "../testing/otlp_collector.ts";
import { spawnWorker } from "../testing/harness/spawn_worker.ts";
import type { Cost, ServiceSettings, Started } from "./observability/service.ts";

const PROGRAM = new URL("./observability/service.ts", import.meta.url);

/** What is compared; the first is the measure of the others. */
const SIDES = [
  { title: "off", http: false, traces: false, sampled: 100 },
  { title: "metrics, open page", http: true, traces: false, sampled: 100 },
  { title: "… and 1 % of all traces", http: true, traces: true, sampled: 100 },
  { title: "… and all traces", http: true, traces: true, sampled: 1 },
] as const;

/** A service that is spoken to in lines. */
class ServiceProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncGenerator<string>;

  constructor(settings: ServiceSettings, env: Record<string, string>) {
    this.#process = spawnWorker(PROGRAM, settings, { stdin: "piped", stderr: "inherit", env });
    this.#input = this.#process.stdin.getWriter();
    this.#answers = linesOf(this.#process.stdout);
  }

  async next<Answer>(): Promise<Answer> {
    const { done, value } = await this.#answers.next();
    if (done) throw new Error("The service ended");
    return JSON.parse(value);
  }

  async ask<Answer>(line: string): Promise<Answer> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    return await this.next();
  }

  /** Resolves when all its spans were exported and it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#process.status;
  }
}

/** Reads the stream of a page that is open, until it ends. */
async function readEvents(url: string): Promise<void> {
  const { body } = await fetch(`${url}/api/events`);
  try {
    for await (const _ of body!) continue;
  } catch {
    // The server ends all streams.
  }
}

async function compareCosts(images: number, rounds: number): Promise<void> {
  await using collector = new OtlpCollector();
  await using stack = new AsyncDisposableStack();
  const services: ServiceProcess[] = [];
  for (const { http, traces, sampled } of SIDES) {
    const env = traces ? collector.environment : {};
    const service = stack.use(new ServiceProcess({ http, sampled }, env));
    const { page } = await service.next<Started>();
    if (page !== null) void readEvents(page);
    await service.ask(`round ${images}`);
    services.push(service);
  }
  const costs: Cost[][] = [];
  for (let i = 0; i < rounds; i++) {
    const order = services.map((_, j) => (i + j) % services.length);
    const round: Cost[] = [];
    for (const j of order) round[j] = await services[j]!.ask(`round ${images}`);
    costs.push(round);
  }
  print(columns([["", "CPU, µs per image", "images/s", "CPU / off", "rate / off"], ...rowsOf(costs)]));
}

function rowsOf(costs: readonly Cost[][]): string[][] {
  return SIDES.map(({ title }, side) => {
    const of = (number: (round: Cost[]) => number) => median(costs.map(number));
    return [
      title,
      of((round) => round[side]!.cpu).toFixed(1),
      of((round) => round[side]!.rate).toFixed(0),
      of((round) => round[side]!.cpu / round[0]!.cpu).toFixed(3),
      of((round) => round[side]!.rate / round[0]!.rate).toFixed(3),
    ];
  });
}

async function countSpans(perSecond: number, seconds: number): Promise<void> {
  await using collector = new OtlpCollector();
  let made = 0;
  {
    await using service = new ServiceProcess({ http: false, sampled: 1 }, collector.environment);
    await service.next();
    made = await service.ask<number>(`spans ${perSecond} ${seconds}`);
  }
  print(`${perSecond} spans per second for ${seconds} s: ${collector.spans.length} of ${made} arrived`);
}

await runTask({
  name: "bench:observability",
  summary: "Compare a service with metrics, an open page and traces to one without, and count spans",
  operands: { form: "", min: 0, max: 0 },
  options: {
    images: { ...count(1_000_000), default: 5_000, text: "images per round" },
    rounds: { ...count(1_000, 0), default: 9, text: "rounds of each" },
    spans: { ...count(1_000_000), default: 10_000, text: "spans per second" },
    seconds: { ...count(3_600, 0), default: 60, text: "how long" },
  },
  examples: [
    ["deno task bench:observability --rounds 15", "more rounds, where the machine is busy"],
    ["deno task bench:observability --rounds 0", "only the spans"],
  ],
  async run({ values: { images, rounds, spans, seconds } }) {
    if (rounds > 0) await compareCosts(images, rounds);
    if (seconds > 0) await countSpans(spans, seconds);
    return 0;
  },
});
