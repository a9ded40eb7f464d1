import type { Bus } from "../bus/bus.ts";
import { DEAD_LETTERS_TOPIC, isModelName, requestTopic, RESULTS_TOPIC } from "../bus/topics.ts";
import { isLegacyTopic, legacyTopics } from "../bus/legacy_format.ts";
import type { Transport } from "../bus/transport/transport.ts";
import { defined } from "../lib/defined.ts";
import { waitAtMost } from "../lib/wait_at_most.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { decodeSettings } from "../models/image/limits.ts";
import { loadServedModels, loadVersion, type ModelSearch, servingOf } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { Coordinator, type CoordinatorParts } from "./pipeline/coordinator.ts";
import { DriftWatch } from "./drift/drift_watch.ts";
import { ServiceError } from "./errors.ts";
import type { Listener } from "./events.ts";
import { Health, type ServiceHealth } from "./health.ts";
import { Lane } from "./pipeline/lane.ts";
import { checkServeOptions, type ServeOptions, type ServeSettings } from "./options.ts";
import type { Observer } from "./observer.ts";
import { observeAll } from "./observers.ts";
import { Outbox } from "./pipeline/outbox.ts";
import { deadLettersSink } from "./sinks/dead_letters.ts";
import { resultsTopicSink } from "./sinks/results_topic.ts";
import { tracingObserver } from "./tracing.ts";
import type { ModelStatus } from "./workers/status.ts";
import { Supervisor } from "./workers/supervisor.ts";
import { Comparisons } from "./versions/comparisons.ts";
import { ServingWatch } from "./versions/serving_watch.ts";
import { type OnState, Versions } from "./versions/versions.ts";
import { UnknownModels } from "./pipeline/unknown_models.ts";
import { type WorkerRange, workerRanges, workerThreads } from "./workers/worker_count.ts";
import { type StartWorker, startWorker } from "./workers/worker_handle.ts";
import { WorkerScaler } from "./workers/worker_scaler.ts";

export type { ServeOptions } from "./options.ts";

/** So few messages are read at a time that Workers which finish meanwhile do not wait long for the thread. */
const READ_MESSAGES = 128;

/** For comparisons, and for results: a sink that hangs must not keep the service from ending. */
const MAX_SINKS_MS = 30_000;

/** Models that are served on a bus. */
export interface Service extends AsyncDisposable {
  /**
   * Resolves when the service has ended: `null` after `close`, else the error that ended it. Never rejects.
   */
  readonly closed: Promise<Error | null>;
  /** Status of its models and their Workers. Cheap: no Worker is asked. */
  status(): ModelStatus[];
  /** Whether it can do its work now, why not, and the number of dead letters. As cheap as `status`. */
  health(): ServiceHealth;
  /**
   * Drains: reads no more, finishes what is in flight, commits, leaves the group, stops the Workers, closes
   * the sinks, for which it waits at most a minute beyond `drainMs`. The bus stays open. May be called more than once.
   *
   * @returns How many images were left unfinished at the deadline; they are delivered again.
   */
  close(): Promise<number>;
}

/**
 * Serves models inside this program. Resolves when all are ready and the bus is being read.
 *
 * @param bus A bus, or its transport.
 * @param options Which models, where results go, and the limits.
 * @returns The running service; close it, or declare it with `await using`.
 * @throws {ServiceError} `invalid` option; `worker_failed` when a model does not start.
 * @throws {ModelError} When a model cannot be found or read.
 * @throws {BusError} When the bus cannot be read.
 */
export function serve(bus: Bus | Transport, options: ServeOptions = {}): Promise<Service> {
  return serveWith(startWorker, bus, options);
}

/**
 * {@linkcode serve} with other Workers, such as those that fail on purpose in tests.
 *
 * @param start Starts a Worker.
 * @param bus As for {@linkcode serve}.
 * @param options As for {@linkcode serve}.
 * @returns As {@linkcode serve}.
 * @throws As {@linkcode serve}.
 */
export async function serveWith(
  start: StartWorker,
  bus: Bus | Transport,
  options: ServeOptions = {},
): Promise<Service> {
  const settings = checkServeOptions(options);
  const transport = "transport" in bus ? bus.transport : bus;
  const search = defined({ dirs: settings.modelsDirs });
  const [models, wasm] = await Promise.all([
    loadServedModels({ ...search, ...defined({ names: settings.models }) }),
    loadWasmBinary(),
  ]);
  for (const { manifest: { name } } of models) refuseReserved(name);
  const service = new RunningService({ transport, models, search, wasm, settings, startWorker: start });
  await service.start();
  return service;
}

interface ServiceParts {
  readonly transport: Transport;
  readonly models: readonly ModelFiles[];
  /** Where other versions of them are. */
  readonly search: ModelSearch;
  readonly wasm: WebAssembly.Module;
  readonly settings: ServeSettings;
  readonly startWorker: StartWorker;
}

class RunningService implements Service {
  readonly closed: Promise<Error | null>;
  readonly #parts: ServiceParts;
  readonly #listener: Listener;
  readonly #observer: Observer;
  readonly #health = new Health();
  readonly #models: readonly Versions[];
  readonly #lanes = new Map<string, Lane>();
  readonly #outbox: Outbox;
  readonly #drift: DriftWatch;
  readonly #comparisons: Comparisons;
  readonly #scaler: WorkerScaler;
  readonly #servingWatch: ServingWatch;
  readonly #ended = Promise.withResolvers<Error | null>();
  #coordinator: Coordinator | undefined;
  #unknownModels: UnknownModels | undefined;
  #closing: Promise<number> | undefined;

  constructor(parts: ServiceParts) {
    const { transport, models, settings } = parts;
    this.closed = this.#ended.promise;
    this.#parts = parts;
    const drift: Observer = {
      batch: (batch) => this.#drift.batch(batch),
      stored: (results) => this.#drift.stored(results),
    };
    const observers = [drift, settings.observer, tracingObserver(transport.url, settings.group)].filter((
      one,
    ) => !!one);
    this.#observer = observeAll(observers);
    this.#listener = (event) => {
      this.#health.note(event);
      settings.onEvent?.(event);
    };
    const ranges = workerRanges(models.map(({ manifest: { name } }) => name), settings.workersPerModel);
    this.#models = models.map((files) => this.#versionsOf(files, ranges));
    this.#drift = new DriftWatch(this.#models, this.#listener);
    this.#scaler = this.#scale(ranges);
    this.#servingWatch = this.#watchServing();
    const onTopics = [deadLettersSink(transport), resultsTopicSink(transport, this.#listener)];
    const { sinks = [], delivery } = settings;
    const all = delivery === "exactly-once" ? sinks : [...onTopics, ...sinks];
    this.#comparisons = new Comparisons(transport, sinks, this.#listener);
    this.#outbox = new Outbox(all, this.#listener, this.#observer);
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#models.map((model) => model.start()));
      this.#observer.serving?.(this.#models);
      await this.#subscribe();
      this.#scaler.start();
      this.#servingWatch.start();
    } catch (error) {
      await Promise.all(this.#models.map((model) => model.stop()));
      await this.#outbox.close(MAX_SINKS_MS);
      throw error;
    }
  }

  status(): ModelStatus[] {
    const oldest = this.#coordinator?.oldest() ?? new Map<string, number>();
    return this.#models.map((model) => {
      const lane = this.#lanes.get(model.model);
      const oldestAt = lane?.oldestOf(oldest);
      return {
        ...model.status(),
        drift: this.#drift.of(model.model),
        inFlight: lane?.inFlight ?? 0,
        inFlightBytes: lane?.inFlightBytes ?? 0,
        oldestAt: oldestAt === undefined ? null : new Date(Math.min(oldestAt, Date.now())).toISOString(),
      };
    });
  }

  health(): ServiceHealth {
    return this.#health.report(this.status(), this.#parts.transport.unavailable);
  }

  close(): Promise<number> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #versionsOf(files: ModelFiles, ranges: ReadonlyMap<string, WorkerRange>): Versions {
    const { name } = files.manifest;
    return new Versions(files, {
      supervise: (files, workers, onState) => this.#supervise(files, workers, onState),
      onComparison: (comparison) => this.#comparisons.add(comparison),
      load: (version) => loadVersion(name, version, this.#parts.search),
      workers: ranges.get(name)!.min,
      onState: (state, reason) => {
        this.#listener({ type: "model", model: name, state, reason });
        this.#lanes.get(name)?.update();
      },
      listener: this.#listener,
    });
  }

  #supervise(files: ModelFiles, workers: number, onState: OnState): Supervisor {
    const { settings, startWorker, wasm } = this.#parts;
    const { name } = files.manifest;
    return new Supervisor(files, {
      workers,
      batch: settings,
      restart: {
        maxRestarts: settings.maxRestarts,
        periodMs: 30_000,
        pauseMs: 50,
        downPauseMs: settings.downPauseMs,
      },
      worker: {
        wasm,
        limits: decodeSettings(settings),
        deadlineMs: settings.deadlineMs,
        maxMemoryBytes: settings.maxWorkerMemoryMb * 2 ** 20,
        isolated: settings.isolated,
      },
      startWorker,
      onState,
      observer: this.#observer,
      onReplaced: (reason) => this.#listener({ type: "worker_replaced", model: name, reason }),
    });
  }

  #scale(ranges: ReadonlyMap<string, WorkerRange>): WorkerScaler {
    const models = this.#models.map((model) => ({
      model: model.model,
      ...ranges.get(model.model)!,
      load: () => model.load(),
      grow: () => model.grow(),
      shrink: () => model.shrink(),
    }));
    return new WorkerScaler({ models, threads: workerThreads(), listener: this.#listener });
  }

  #watchServing(): ServingWatch {
    const read = (model: string) => servingOf(model, this.#parts.search);
    return new ServingWatch({
      models: this.#models,
      read,
      intervalMs: this.#parts.settings.servingIntervalMs,
      listener: this.#listener,
    });
  }

  async #subscribe(): Promise<void> {
    const { transport, settings: { group } } = this.#parts;
    // Where they cannot be created, or a login may not use them, that shows now and not with the first image.
    await transport.ensureTopics([RESULTS_TOPIC, DEAD_LETTERS_TOPIC]);
    const parts = this.#coordinatorParts();
    const legacy = await this.#legacyTopics();
    const topicsOf = ({ model }: Versions) => [
      requestTopic(model),
      ...legacyTopics(model).filter(legacy),
    ];
    const topics = this.#models.flatMap(topicsOf);
    const { delivery } = parts;
    const subscription = await transport.subscribe(topics, {
      group,
      delivery,
      maxBatchMessages: READ_MESSAGES,
    });
    const share = 1 / this.#models.length;
    for (const versions of this.#models) {
      const lane = new Lane({
        versions,
        topics: topicsOf(versions),
        limits: parts.limits,
        share,
        subscription,
      });
      this.#lanes.set(versions.model, lane);
    }
    this.#coordinator = new Coordinator({ ...parts, subscription, lanes: this.#lanes });
    this.#coordinator.run().catch((error) => this.#fail(error));
    const served = new Set(this.#lanes.keys());
    this.#unknownModels = new UnknownModels({ ...parts, transport, group, served, intervalMs: 3_000 });
    this.#unknownModels.start();
  }

  /** Which topics of the legacy system are served. */
  async #legacyTopics(): Promise<(topic: string) => boolean> {
    const { transport, settings: { legacyTopics, group } } = this.#parts;
    if (legacyTopics !== "existing") return () => legacyTopics === "create";
    const existing = new Set((await transport.topics(group, isLegacyTopic)).map(({ name }) => name));
    return (topic) => existing.has(topic);
  }

  #coordinatorParts(): Omit<CoordinatorParts, "subscription" | "lanes"> {
    const { transport, settings } = this.#parts;
    return {
      delivery: settings.delivery,
      outbox: this.#outbox,
      limits: settings,
      commitIntervalMs: settings.commitIntervalMs,
      listener: this.#listener,
      observer: this.#observer,
      maxMessageBytes: transport.maxMessageBytes,
    };
  }

  async #fail(error: Error): Promise<void> {
    this.#ended.resolve(error);
    await this.close();
  }

  /**
   * In this order:
   *
   * 1. Drain the coordinators: read no more, finish and commit what is in flight, leave the groups.
   * 2. Stop the scaler and the exchange of versions. The scaler waits for a Worker that is just starting, which
   *    step 3 would miss.
   * 3. Stop the Workers: what was left at the deadline is not settled any more.
   * 4. Close the outbox and its sinks: nothing can be added any more.
   */
  async #close(): Promise<number> {
    const { drainMs: deadlineMs } = this.#parts.settings;
    const left = await Promise.all([
      this.#coordinator?.drain(deadlineMs),
      this.#unknownModels?.drain(deadlineMs),
    ]);
    await this.#scaler.stop();
    const watch = this.#servingWatch.stop();
    await Promise.all(this.#models.map((model) => model.stop()));
    await watch;
    await waitAtMost(MAX_SINKS_MS, this.#comparisons.flush());
    try {
      await this.#outbox.close(MAX_SINKS_MS);
    } finally {
      this.#ended.resolve(null);
    }
    return left.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }
}

function refuseReserved(name: string): void {
  if (isModelName(name)) return;
  throw new ServiceError(
    "invalid",
    `Cannot serve a model named "${name}": imagebus.${name} is a topic of the bus itself; rename the model`,
  );
}
