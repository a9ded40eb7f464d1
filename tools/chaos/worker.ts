/**
 * A worker process of a chaos run: the real service, with the shipped mnist model in a Worker that fails on
 * command. Commands are lines on standard input: `terminate`, `throw 3`, `hang 1`, `leak 2 16777216` (bytes
 * per batch). When standard input ends, the process exits immediately, so that it is not left behind.
 *
 * @module
 */
import type { ServiceEvent } from "../../actors/events.ts";
import { SERVE_OPTIONS } from "../../actors/options.ts";
import { type ServeOptions, serveWith, type Service } from "../../actors/serve.ts";
import { postgresSink } from "../../actors/sinks/postgres.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import type { Sink } from "../../actors/sinks/sink.ts";
import { type StartWorker, startWorkerOf, type WorkerHandle } from "../../actors/workers/worker_handle.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";
import type { TransportEvent } from "../../bus/transport/transport.ts";
import { linesOf } from "../../testing/harness/lines.ts";
import { wrapWorker } from "../../testing/harness/wrapped_worker.ts";
import { CountedHttp, type Counts } from "./counted_http.ts";
import { earlySink } from "./early_sink.ts";
import { CHANNEL, type Sabotage } from "./sabotage.ts";

/** Settings of a worker process: its only argument, as JSON. */
export interface WorkerSettings {
  /** URL of the bus. */
  readonly bus: string;
  readonly connect: ConnectOptions;
  readonly serve: ServeOptions;
  /** Path of the results database. */
  readonly results: string;
  /** URL of a PostgreSQL that results are also stored in; `null` if there is none. */
  readonly postgres: string | null;
  /** Negative control: reports results as stored before they are. */
  readonly commitBeforeSink: boolean;
  /** Whether it serves metrics and the page over HTTP. */
  readonly http: boolean;
}

/**
 * What it prints: it serves, with the address of its page if it has one; a Worker is replaced because it exceeds its
 * memory limit; such a Worker gets one more batch, which must not happen; another version is served, or refused; it has
 * drained, with its counts if it has any.
 */
export type ChaosMessage =
  | { readonly type: "ready"; readonly page: string | null }
  | { readonly type: "replaced" | "overgrown" | "refused" }
  | { readonly type: "exchanged"; readonly tookMs: number }
  | { readonly type: "drained"; readonly counts: Counts | null };

function report(message: ChaosMessage): void {
  console.log(JSON.stringify(message));
}

const workers = new Set<WorkerHandle>();

const start: StartWorker = async (files, options) => {
  const worker = await startWorkerOf(new URL("./model_worker.ts", import.meta.url))(files, options);
  workers.add(worker);
  void worker.gone.then(() => workers.delete(worker));
  return wrapWorker(worker, (images) => {
    if ((worker.memoryBytes ?? 0) > options.maxMemoryBytes) report({ type: "overgrown" });
    return worker.run(images);
  });
};

async function sinksOf({ results, postgres, commitBeforeSink }: WorkerSettings): Promise<Sink[]> {
  const sinks = [await sqliteSink(results), ...postgres === null ? [] : [await postgresSink(postgres)]];
  return commitBeforeSink ? sinks.map(earlySink) : sinks;
}

function obey(line: string, channel: BroadcastChannel): void {
  const [how, batches, bytes] = line.split(" ");
  if (how === "terminate") { for (const worker of workers) worker.terminate(); }
  else {
    const sabotage = { how: how as Sabotage["how"], batches: Number(batches) };
    channel.postMessage(bytes === undefined ? sabotage : { ...sabotage, bytes: Number(bytes) });
  }
}

async function listen(): Promise<void> {
  const channel = new BroadcastChannel(CHANNEL);
  const lines = linesOf(Deno.stdin.readable);
  for await (const line of lines) obey(line, channel);
  Deno.exit(1);
}

async function untilStopped(service: Service, http: CountedHttp | null): Promise<void> {
  const stopped = Promise.withResolvers<null>();
  Deno.addSignalListener("SIGTERM", () => stopped.resolve(null));
  report({ type: "ready", page: http?.http.url ?? null });
  const error = await Promise.race([service.closed, stopped.promise]);
  http?.http.draining();
  const left = await service.close();
  if (error) throw error;
  if (left > 0) throw new Error(`${left} images were not finished`);
  report({ type: "drained", counts: await http?.counts() ?? null });
}

function log(event: ServiceEvent): void {
  if (event.type === "worker_replaced") report({ type: "replaced" });
  if (event.type === "version" && event.change === "serving") {
    report({ type: "exchanged", tookMs: event.tookMs });
  }
  if (event.type === "version" && event.change === "refused") report({ type: "refused" });
  if (event.type !== "dead_letter") console.error(new Date().toISOString(), JSON.stringify(event));
}

async function main(settings: WorkerSettings): Promise<void> {
  await using http = settings.http ? new CountedHttp() : null;
  const onEvent = (event: ServiceEvent) => {
    http?.http.note(event);
    log(event);
  };
  const onBus = (event: TransportEvent) => onEvent({ type: "bus", event });
  await using bus = await connect(settings.bus, { ...settings.connect, onEvent: onBus });
  const [first, ...others] = await sinksOf(settings);
  const sinks = [http?.counting(first!) ?? first!, ...others];
  const observed = http ? { observer: http.http.observer } : {};
  await using service = await serveWith(start, bus, { ...settings.serve, ...observed, sinks, onEvent });
  http?.http.serving({ bus, service, group: SERVE_OPTIONS.group.default });
  void listen();
  await untilStopped(service, http);
}

if (import.meta.main) {
  await main(JSON.parse(Deno.args[0]!));
  Deno.exit(0);
}
