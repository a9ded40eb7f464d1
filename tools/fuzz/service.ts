/**
 * The service that inputs are sent to, in a process of its own: if one ends it, the run goes on to report that. It prints one
 * JSON object per line. When standard input ends, it drains and exits.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { ServiceError } from "../../actors/errors.ts";
import type { ServiceEvent } from "../../actors/events.ts";
import type { ServeOptions } from "../../actors/options.ts";
import { serveWith } from "../../actors/serve.ts";
import { type StartWorker, startWorkerOf } from "../../actors/workers/worker_handle.ts";
import { connect } from "../../bus/connect.ts";
import { wrapWorker } from "../../testing/harness/wrapped_worker.ts";

/** Settings of the process: its only argument, as JSON. */
export interface ServiceSettings {
  /** URL of the bus. */
  readonly bus: string;
  /** URL of the program of the Workers. */
  readonly worker: string;
  /** Options of the service that JSON can hold. */
  readonly options: ServeOptions;
}

/** What the process prints. */
export type ServiceMessage =
  | {
    readonly type: "state";
    /** Largest resident memory so far, in bytes. */
    readonly peakRssBytes: number;
    /** Workers that died or hung, and were started again. */
    readonly restarts: number;
    /** Workers that were replaced for their memory, or for the time of an image. */
    readonly replacements: number;
  }
  | {
    /** A Worker ended, will be replaced, or threw. */
    readonly type: "incident";
    readonly reason: string;
    /** CRC-32 of the images that can be to blame. */
    readonly checksums: readonly number[];
  }
  | {
    /** Something failed that no input may affect. */
    readonly type: "error";
    readonly reason: string;
  };

const SAMPLE_MS = 50;
const PRINT_MS = 1_000;

function print(message: ServiceMessage): void {
  console.log(JSON.stringify(message));
}

/** Workers that report the images that can have ended them. */
function watched(start: StartWorker): StartWorker {
  return async (files, options) => {
    const worker = await start(files, options);
    return wrapWorker(worker, async (images) => {
      const report = (reason: string, suspects = images) =>
        print({ type: "incident", reason, checksums: suspects.map((image) => crc32(image)) });
      try {
        const outcome = await worker.run(images);
        const megabytes = Math.ceil((worker.memoryBytes ?? 0) / 2 ** 20);
        if (megabytes * 2 ** 20 > options.maxMemoryBytes) report(`${megabytes} MiB after a batch with it`);
        return outcome;
      } catch (error) {
        const culprit = worker.decoding ?? null;
        const isSplit = error instanceof ServiceError && error.code === "worker_failed" && images.length > 1;
        if (!isSplit) report(String(error), culprit === null ? images : [images[culprit]!]);
        throw error;
      }
    });
  };
}

function noteError(event: ServiceEvent): void {
  if (event.type === "sink_failing") print({ type: "error", reason: `${event.sink}: ${event.reason}` });
  if (event.type === "commit_failing" || event.type === "unknown_models_failing") {
    print({ type: "error", reason: `${event.type}: ${event.reason}` });
  }
}

async function main({ bus: url, worker, options }: ServiceSettings): Promise<void> {
  await using bus = await connect(url);
  const start = watched(startWorkerOf(new URL(worker)));
  const service = await serveWith(start, bus, { ...options, onEvent: noteError });
  let peakRssBytes = 0;
  const sample = () => peakRssBytes = Math.max(peakRssBytes, Deno.memoryUsage().rss);
  const printState = () => {
    sample();
    const workers = service.status().flatMap((model) => model.workers);
    const sum = (of: (one: typeof workers[number]) => number) =>
      workers.reduce((all, one) => all + of(one), 0);
    const [restarts, replacements] = [sum((one) => one.restarts), sum((one) => one.replacements)];
    print({ type: "state", peakRssBytes, restarts, replacements });
  };
  printState();
  const timers = [setInterval(sample, SAMPLE_MS), setInterval(printState, PRINT_MS)];
  const stopped = Deno.stdin.readable.pipeTo(new WritableStream()).then(() => null);
  const error = await Promise.race([service.closed, stopped]);
  timers.forEach(clearInterval);
  await service.close();
  printState();
  if (error) throw error;
}

if (import.meta.main) {
  await main(JSON.parse(Deno.args[0]!));
  Deno.exit(0);
}
