import type { Bus } from "../bus/bus.ts";
import { isModelName, requestTopic } from "../bus/topics.ts";
import { seedTopics } from "../bus/legacy_format.ts";
import type { Delivery, Transport } from "../bus/transport/transport.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { loadModels } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { Coordinator, type CoordinatorParts } from "./pipeline/coordinator.ts";
import { ActorError } from "./errors.ts";
import type { Listener, ServiceEvent } from "./events.ts";
import { Health, type ServiceHealth } from "./health.ts";
import { Lane } from "./pipeline/lane.ts";
import { Outbox } from "./pipeline/outbox.ts";
import { deadLettersSink } from "./sinks/dead_letters.ts";
import { resultsTopicSink } from "./sinks/results_topic.ts";
import type { Sink } from "./sinks/sink.ts";
import type { ModelStatus } from "./workers/status.ts";
import { Supervisor } from "./workers/supervisor.ts";
import { UnknownModels } from "./pipeline/unknown_models.ts";
import {
  type WorkerRange,
  workerRanges,
  type WorkersPerModel,
  workerThreads,
} from "./workers/worker_count.ts";
import { type StartWorker, startWorker } from "./workers/worker_handle.ts";
import { WorkerScaler } from "./workers/worker_scaler.ts";

/** How to serve models on a bus. */
export interface ServeOptions {
  /** Names of the models. @default {all that are found} */
  readonly models?: readonly string[];
  /** Directories with more model folders, besides the shipped ones. @default {[]} */
  readonly modelsDirs?: readonly (string | URL)[];
  /** Where results go, besides the topic `imagebus.results`. The service owns and closes them. @default {[]} */
  readonly sinks?: readonly Sink[];
  /** Services of one group share the work. @default {"imagebus"} */
  readonly group?: string;
  /**
   * `"exactly-once"`: results, replies and dead letters go to their topics together with the group's progress, so that each
   * image that the bus accepted has exactly one result there, whatever process is killed or frozen. Sinks get a result before
   * that, at least once; as ever, those that keep anything know it by its id. All services of a group must say the same. It costs
   * a transaction for each partition and batch of results.
   *
   * @default {"at-least-once"}
   */
  readonly delivery?: Delivery;
  /**
   * Workers, thus threads, for each model (1 to 64): for all, or by name. Who has no number begins with its share of the cores
   * but one, at least 1, and has up to all of them, at most 8, while its images wait and other models leave cores idle.
   *
   * @default {by cores and load}
   */
  readonly workersPerModel?: WorkersPerModel;
  /** The most images in a batch (1 to 1,024). @default {64} */
  readonly maxBatch?: number;
  /** The most bytes in a batch; a larger image goes alone. @default {16_777_216} */
  readonly maxBatchBytes?: number;
  /** How long an idle Worker waits for a batch to fill, in milliseconds (0 to 10,000). @default {0} */
  readonly maxBatchWaitMs?: number;
  /** The most bytes of images read whose results are not stored yet. @default {67_108_864} */
  readonly maxInFlightBytes?: number;
  /** The most images read whose results are not stored yet. @default {4_096} */
  readonly maxInFlight?: number;
  /** Images with more pixels are refused. @default {50_000_000} */
  readonly maxPixels?: number;
  /** A Worker that takes longer for a batch, or to start, is replaced; in milliseconds. @default {30_000} */
  readonly deadlineMs?: number;
  /**
   * The most memory of a Worker, in MiB (16 to 4,096): WASM and JavaScript heap together. One that has grown past it is replaced
   * between batches, and no image is lost. A shipped model takes 40 to 95 and stays there; the default leaves room for large
   * models of one's own, and for garbage that is not collected yet.
   *
   * @default {1_024}
   */
  readonly maxWorkerMemoryMb?: number;
  /** Deaths of a model's Workers within 30 s after which the model is `down`. @default {5} */
  readonly maxRestarts?: number;
  /** How long a model that is `down` waits before it is tried again, in milliseconds; doubled up to 32-fold. @default {10_000} */
  readonly downPauseMs?: number;
  /** How long `close` waits for what is in flight, in milliseconds. @default {30_000} */
  readonly drainMs?: number;
  /** How often offsets are committed, in milliseconds; with exactly-once delivery it is as soon as can be. @default {200} */
  readonly commitIntervalMs?: number;
  /**
   * Whether models run without any permission. Needs `--unstable-worker-options` (or `"unstable": ["worker-options"]` in the
   * deno.json of the program): without it Deno ends the process. `false` only for models you trust.
   *
   * @default {true}
   */
  readonly isolated?: boolean;
  /** Told what happens. Must not throw. */
  readonly onEvent?: (event: ServiceEvent) => void;
}

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
 * @throws {ActorError} `invalid` option; `worker_failed` when a model does not start.
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
  checkOptions(options);
  const transport = "transport" in bus ? bus.transport : bus;
  const [files, wasm] = await Promise.all([
    loadModels({
      ...(options.models && { names: options.models }),
      ...(options.modelsDirs && { dirs: options.modelsDirs }),
    }),
    loadWasmBinary(),
  ]);
  for (const { manifest: { name } } of files) refuseReserved(name);
  const service = new RunningService(transport, files, wasm, options, start);
  await service.start();
  return service;
}

class RunningService implements Service {
  readonly closed: Promise<Error | null>;
  readonly #transport: Transport;
  readonly #options: ServeOptions;
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
    options: ServeOptions,
    start: StartWorker,
  ) {
    this.closed = this.#ended.promise;
    this.#transport = transport;
    this.#options = options;
    this.#listener = (event) => {
      this.#health.note(event);
      options.onEvent?.(event);
    };
    const ranges = workerRanges(models.map(({ manifest: { name } }) => name), options.workersPerModel);
    this.#supervisors = models.map((files) => this.#supervise(files, ranges, wasm, start));
    this.#scaler = this.#scale(ranges);
    const onTopics = [deadLettersSink(transport), resultsTopicSink(transport)];
    const { sinks = [], delivery } = options;
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
    const options = this.#options;
    const { name } = files.manifest;
    return new Supervisor(files, {
      workers: ranges.get(name)!.least,
      batch: {
        maxBatch: options.maxBatch ?? 64,
        maxBatchBytes: options.maxBatchBytes ?? 16_777_216,
        maxBatchWaitMs: options.maxBatchWaitMs ?? 0,
      },
      restart: {
        maxRestarts: options.maxRestarts ?? 5,
        periodMs: 30_000,
        pauseMs: 50,
        downPauseMs: options.downPauseMs ?? 10_000,
      },
      worker: {
        wasm,
        limits: options.maxPixels === undefined ? {} : { maxPixels: options.maxPixels },
        deadlineMs: options.deadlineMs ?? 30_000,
        maxMemoryBytes: (options.maxWorkerMemoryMb ?? 1_024) * 2 ** 20,
        isolated: options.isolated ?? true,
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
    const group = this.#options.group ?? "imagebus";
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
    const { maxInFlight = 4_096, maxInFlightBytes = 67_108_864, commitIntervalMs = 200 } = this.#options;
    return {
      delivery: this.#options.delivery ?? "at-least-once",
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
    const deadlineMs = this.#options.drainMs ?? 30_000;
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
  return [requestTopic(name), ...seedTopics(name)];
}

function refuseReserved(name: string): void {
  if (isModelName(name)) return;
  throw new ActorError(
    "invalid",
    `A model can't be named "${name}": imagebus.${name} is a topic of the bus itself`,
  );
}

const RANGES: readonly (readonly [keyof ServeOptions, number, number])[] = [
  ["maxBatch", 1, 1_024],
  ["maxBatchBytes", 1, 2 ** 30],
  ["maxBatchWaitMs", 0, 10_000],
  ["maxInFlightBytes", 1, 2 ** 34],
  ["maxInFlight", 1, 1_000_000],
  ["maxPixels", 1, 2 ** 28],
  ["deadlineMs", 1, 3_600_000],
  ["maxWorkerMemoryMb", 16, 4_096],
  ["maxRestarts", 1, 1_000],
  ["downPauseMs", 1, 3_600_000],
  ["drainMs", 0, 3_600_000],
  ["commitIntervalMs", 0, 60_000],
];

function checkOptions(options: ServeOptions): void {
  const { delivery = "at-least-once" } = options;
  if (delivery !== "at-least-once" && delivery !== "exactly-once") {
    throw new ActorError("invalid", `delivery is "${delivery}": expected at-least-once or exactly-once`);
  }
  for (const [name, min, max] of RANGES) {
    const value = options[name];
    if (
      value === undefined || (Number.isInteger(value) && value as number >= min && value as number <= max)
    ) continue;
    throw new ActorError("invalid", `${name} is ${value}: expected a whole number from ${min} to ${max}`);
  }
}
