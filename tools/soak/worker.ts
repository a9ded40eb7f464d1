/**
 * The worker process of a soak: the service as it is. Once it serves it prints how it is, one object a line, again and again.
 * When standard input ends it drains and ends, so that no process is left behind.
 *
 * @module
 */
import { serveWith } from "../../actors/serve.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { startWorker, startWorkerOf } from "../../actors/workers/worker_handle.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";

/** What it is told when it is started: JSON, its only argument. */
export interface WorkerSettings {
  /** URL of the bus. */
  readonly bus: string;
  /** How to connect to it. */
  readonly busOptions: ConnectOptions;
  /** Which models it serves. */
  readonly models: readonly string[];
  /** Where they are, besides the shipped ones. */
  readonly modelsDirs: readonly string[];
  /** Path of the results database. */
  readonly results: string;
  /** A Worker that has more memory than this, in MiB, is replaced between batches. */
  readonly maxWorkerMemoryMb: number;
  /** How many bytes a model keeps for each image: 0 for none, as it should be. */
  readonly leakBytes: number;
  /** How often it says how it is, in milliseconds. */
  readonly sampleMs: number;
}

/** How it is. */
export interface WorkerSample {
  /** Its resident memory, in bytes. */
  readonly rssBytes: number;
  /** Its models and their Workers. */
  readonly models: readonly ModelStatus[];
}

async function main(settings: WorkerSettings): Promise<void> {
  const { models, modelsDirs, maxWorkerMemoryMb, leakBytes, sampleMs } = settings;
  await using bus = await connect(settings.bus, settings.busOptions);
  const leaking = new URL(`./leaking_worker.ts?bytes=${leakBytes}`, import.meta.url);
  const start = leakBytes > 0 ? startWorkerOf(leaking) : startWorker;
  const sinks = [await sqliteSink(settings.results)];
  await using service = await serveWith(start, bus, { models, modelsDirs, maxWorkerMemoryMb, sinks });
  const tell = () => {
    const sample: WorkerSample = { rssBytes: Deno.memoryUsage().rss, models: service.status() };
    console.log(JSON.stringify(sample));
  };
  tell();
  const telling = setInterval(tell, sampleMs);
  const told = Deno.stdin.readable.pipeTo(new WritableStream());
  const error = await Promise.race([service.closed, told.then(() => null)]);
  clearInterval(telling);
  if (error) throw error;
}

if (import.meta.main) {
  await main(JSON.parse(Deno.args[0]!));
  Deno.exit(0);
}
