/**
 * The worker process of a soak: the real service. While it serves it prints its state periodically, one JSON
 * object per line. When standard input ends, the process drains and exits, so that it is not left behind.
 *
 * @module
 */
import { type ServeOptions, serveWith } from "../../actors/serve.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { startWorker, startWorkerOf } from "../../actors/workers/worker_handle.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";

/** Settings of the process: its only argument, as JSON. */
export interface WorkerSettings {
  /** URL of the bus. */
  readonly bus: string;
  readonly busOptions: ConnectOptions;
  readonly serve: ServeOptions;
  /** Path of the results database. */
  readonly results: string;
  /** Bytes that a model leaks per image; 0 for the shipped Worker. */
  readonly leakBytes: number;
  /** Milliseconds between samples. */
  readonly sampleMs: number;
}

/** The state of the process. */
export interface WorkerSample {
  /** Resident memory, in bytes. */
  readonly rssBytes: number;
  readonly models: readonly ModelStatus[];
}

async function main(settings: WorkerSettings): Promise<void> {
  const { leakBytes, sampleMs } = settings;
  await using bus = await connect(settings.bus, settings.busOptions);
  const leaking = new URL(`./leaking_worker.ts?bytes=${leakBytes}`, import.meta.url);
  const start = leakBytes > 0 ? startWorkerOf(leaking) : startWorker;
  const sinks = [await sqliteSink(settings.results)];
  await using service = await serveWith(start, bus, { ...settings.serve, sinks });
  const report = () => {
    const sample: WorkerSample = { rssBytes: Deno.memoryUsage().rss, models: service.status() };
    console.log(JSON.stringify(sample));
  };
  report();
  const timer = setInterval(report, sampleMs);
  const stopped = Deno.stdin.readable.pipeTo(new WritableStream());
  const error = await Promise.race([service.closed, stopped.then(() => null)]);
  clearInterval(timer);
  if (error) throw error;
}

if (import.meta.main) {
  await main(JSON.parse(Deno.args[0]!));
  Deno.exit(0);
}
