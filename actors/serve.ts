import type { Bus } from "../bus/bus.ts";
import { isModelName, requestTopic } from "../bus/topics.ts";
import { legacyTopics } from "../bus/legacy_format.ts";
import type { Transport } from "../bus/transport/transport.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { loadModels } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { Coordinator, type CoordinatorParts } from "./pipeline/coordinator.ts";
import { ServiceError } from "./errors.ts";
import type { Listener } from "./events.ts";
import { Health, type ServiceHealth } from "./health.ts";
import { Lane } from "./pipeline/lane.ts";
import { checkServeOptions, type ServeOptions, type ServeSettings } from "./options.ts";
import { Outbox } from "./pipeline/outbox.ts";
import { deadLettersSink } from "./sinks/dead_letters.ts";
import { resultsTopicSink } from "./sinks/results_topic.ts";
import type { ModelStatus } from "./workers/status.ts";
import { Supervisor } from "./workers/supervisor.ts";
import { UnknownModels } from "./pipeline/unknown_models.ts";
import { type WorkerRange, workerRanges, workerThreads } from "./workers/worker_count.ts";
import { type StartWorker, startWorker } from "./workers/worker_handle.ts";
import { WorkerScaler } from "./workers/worker_scaler.ts";

export type { ServeOptions } from "./options.ts";

/** Models at work on a bus. */
export interface Service extends AsyncDisposable {
  /** Resolves when the service has ended: with `null` after `close`, else with what ended it. Never rejects. */
  readonly closed: Promise<Error | null>;
  /** How its models and their Workers are, now. Cheap: nothing is asked, no Worker is disturbed. */
  status(): ModelStatus[];
  /** Whether it can do its work now, why not, and how many dead letters there were. As cheap as {@linkcode Service.status}. */
  health(): ServiceHealth;
  /**
   * Drains: reads no more, finishes what is in flight, commits, leaves the group, ends the Workers, closes the sinks. The bus
   * stays open. May be called more than once.
   *
   * @returns How many images were left unfinished by the deadline; they come again.
   */
  close(): Promise<number>;
}

/**
 * Runs the actors of models inside this program. Resolves when all are ready and the bus is being read.
 *
 * @param bus A bus, or its transport.
 * @param options Which models, where results go, and the bounds.
 * @throws {ServiceError} `invalid` option; `worker_failed` when a model does not start.
 * @throws {ModelError} When a model can't be found or read.
 * @throws {BusError} When the bus can't be read.
 */
export function serve(bus: Bus | Transport, options: ServeOptions = {}): Promise<Service> {
  return serveWith(startWorker, bus, options);
}

/**
 * {@linkcode serve} with Workers of another kind: those that fail on purpose, in tests.
 *
 * @param start Starts a Worker.
 * @param bus As for {@linkcode serve}.
 * @param options As for {@linkcode serve}.
 * @throws As {@linkcode serve}.
 */
export async function serveWith(
  start: StartWorker,
  bus: Bus | Transport,
  options: ServeOptions = {},
): Promise<Service> {
  const settings = checkServeOptions(options);
  const transport = "transport" in bus ? bus.transport : bus;
  const [files, wasm] = await Promise.all([
    loadModels({
      ...(settings.models && { names: settings.models }),
      ...(settings.modelsDirs && { dirs: settings.modelsDirs }),
    }),
    loadWasmBinary(),
  ]);
  for (const { manifest: { name } } of files) refuseReserved(name);
  const service = new RunningService(transport, files, wasm, settings, start);
  await service.start();
  return service;
}

class RunningService implements Service {
  readonly closed: Promise<Error | null>;
  readonly #transport: Transport;
  readonly #settings: ServeSettings;
  readonly #listener: Listener;
  readonly #health = new Health();
  readonly #supervisors: readonly Supervisor[];
  readonly #lanes = new Map<string, Lane>();
  readonly #outbox: Outbox;
  readonly #scaler: WorkerScaler;
  readonly #ended = Promise.withResolvers<Error | null>();
  #coordinator: Coordinator | undefined;
  #unknownModels: UnknownModels | undefined;
  #closing: Promise<number> | undefined;

  constructor(
    transport: Transport,
    models: readonly ModelFiles[],
    wasm: WebAssembly.Module,
    settings: ServeSettings,
    start: StartWorker,
  ) {
    this.closed = this.#ended.promise;
    this.#transport = transport;
    this.#settings = settings;
    this.#listener = (event) => {
      this.#health.note(event);
      settings.onEvent?.(event);
    };
    const ranges = workerRanges(models.map(({ manifest: { name } }) => name), settings.workersPerModel);
    this.#supervisors = models.map((files) => this.#supervise(files, ranges, wasm, start));
    this.#scaler = this.#scale(ranges);
    const onTopics = [deadLettersSink(transport), resultsTopicSink(transport)];
    const { sinks = [], delivery } = settings;
    this.#outbox = new Outbox(delivery === "exactly-once" ? sinks : [...onTopics, ...sinks], this.#listener);
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#supervisors.map((supervisor) => supervisor.start()));
      await this.#read();
      this.#scaler.start();
    } catch (error) {
      await Promise.all(this.#supervisors.map((supervisor) => supervisor.stop()));
      await this.#outbox.close();
      throw error;
    }
  }

  status(): ModelStatus[] {
    return this.#supervisors.map((supervisor) => ({
      ...supervisor.status(),
      inFlight: this.#lanes.get(supervisor.files.manifest.name)?.inFlight ?? 0,
    }));
  }

  health(): ServiceHealth {
    return this.#health.report(this.status(), this.#transport.unavailable);
  }

  close(): Promise<number> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #supervise(
    files: ModelFiles,
    ranges: ReadonlyMap<string, WorkerRange>,
    wasm: WebAssembly.Module,
    startWorker: StartWorker,
  ): Supervisor {
    const settings = this.#settings;
    const { name } = files.manifest;
    return new Supervisor(files, {
      workers: ranges.get(name)!.least,
      batch: {
        maxBatch: settings.maxBatch,
        maxBatchBytes: settings.maxBatchBytes,
        maxBatchWaitMs: settings.maxBatchWaitMs,
      },
      restart: {
        maxRestarts: settings.maxRestarts,
        periodMs: 30_000,
        pauseMs: 50,
        downPauseMs: settings.downPauseMs,
      },
      worker: {
        wasm,
        limits: { maxPixels: settings.maxPixels },
        deadlineMs: settings.deadlineMs,
        maxMemoryBytes: settings.maxWorkerMemoryMb * 2 ** 20,
        isolated: settings.isolated,
      },
      startWorker,
      onState: (state, reason) => {
        this.#listener({ type: "model", model: name, state, reason });
        this.#lanes.get(name)?.update();
      },
      onReplaced: (reason) => this.#listener({ type: "worker_replaced", model: name, reason }),
    });
  }

  #scale(ranges: ReadonlyMap<string, WorkerRange>): WorkerScaler {
    const models = this.#supervisors.map((supervisor) => {
      const model = supervisor.files.manifest.name;
      return {
        model,
        ...ranges.get(model)!,
        load: () => supervisor.load(),
        grow: () => supervisor.grow(),
        shrink: () => supervisor.shrink(),
      };
    });
    return new WorkerScaler(models, workerThreads(), this.#listener);
  }

  async #read(): Promise<void> {
    const { group } = this.#settings;
    const parts = this.#parts();
    const topics = this.#supervisors.flatMap((supervisor) => topicsOf(supervisor));
    const subscription = await this.#transport.subscribe(topics, { group, delivery: parts.delivery });
    for (const supervisor of this.#supervisors) {
      const share = 1 / this.#supervisors.length;
      const lane = new Lane(supervisor, topicsOf(supervisor), parts.limits, share, subscription);
      this.#lanes.set(supervisor.files.manifest.name, lane);
    }
    this.#coordinator = new Coordinator({ ...parts, subscription, lanes: this.#lanes });
    this.#coordinator.run().catch((error) => this.#fail(error));
    const served = new Set(this.#lanes.keys());
    this.#unknownModels = new UnknownModels({
      ...parts,
      transport: this.#transport,
      group,
      served,
      intervalMs: 3_000,
    });
    this.#unknownModels.start();
  }

  #parts(): Omit<CoordinatorParts, "subscription" | "lanes"> {
    const { delivery, maxInFlight, maxInFlightBytes, commitIntervalMs } = this.#settings;
    return {
      delivery,
      outbox: this.#outbox,
      limits: { maxInFlight, maxInFlightBytes },
      commitIntervalMs,
      listener: this.#listener,
      maxMessageBytes: this.#transport.maxMessageBytes,
    };
  }

  async #fail(error: Error): Promise<void> {
    this.#ended.resolve(error);
    await this.close();
  }

  async #close(): Promise<number> {
    const { drainMs: deadlineMs } = this.#settings;
    const left = await Promise.all([
      this.#coordinator?.drain(deadlineMs),
      this.#unknownModels?.drain(deadlineMs),
    ]);
    await this.#scaler.stop();
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.stop()));
    await this.#outbox.close();
    this.#ended.resolve(null);
    return left.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }
}

function topicsOf({ files: { manifest: { name } } }: Supervisor): string[] {
  return [requestTopic(name), ...legacyTopics(name)];
}

function refuseReserved(name: string): void {
  if (isModelName(name)) return;
  throw new ServiceError(
    "invalid",
    `A model can't be named "${name}": imagebus.${name} is a topic of the bus itself`,
  );
}
