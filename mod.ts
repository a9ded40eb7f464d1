/**
 * Send an image to a bus; the isolated actor of the model it names classifies it; the result comes back, and goes into a
 * database. Kafka is the bus in production; an embedded, durable one is the default.
 *
 * More by subpath: `./transport` (the contract of a bus, and how to open one), `./sinks` (where results go), `./models`
 * (manifests and the registry).
 *
 * @example Ask, and wait for the answer. Runs with nothing installed
 * ```ts
 * import { connect, serve } from "./mod.ts";
 *
 * await using bus = await connect("memory:"); // or "kafka://localhost:9092", or nothing: the embedded bus
 * await using _service = await serve(bus, { models: ["mnist"] });
 * const image = new URL("./models/mnist/samples/7-7.png", import.meta.url);
 * const result = await bus.classify(image, { model: "mnist" });
 * if (result.status !== "classified" || result.label !== "7") throw new Error("unexpected");
 * ```
 *
 * @example Ask for the result of an image that was sent before, by a program that has ended since
 * ```ts
 * import { Bus, serve } from "./mod.ts";
 * import { createMemoryBroker } from "./bus/transport/mod.ts";
 *
 * const broker = createMemoryBroker(); // or connect("kafka://localhost:9092"), from any process
 * const image = new URL("./models/mnist/samples/7-7.png", import.meta.url);
 * {
 *   await using asker = new Bus(broker.connect());
 *   await asker.send(image, { id: "order-17", model: "mnist" });
 * }
 * await using _service = await serve(broker.connect(), { models: ["mnist"] });
 * await using asker = new Bus(broker.connect());
 * const result = await asker.result("order-17", { since: new Date(Date.now() - 3_600_000) });
 * if (result.status !== "classified" || result.label !== "7") throw new Error("unexpected");
 * ```
 *
 * @module
 */
export { connect, type ConnectOptions } from "./bus/connect.ts";
export { Bus, type ClassifyOptions, type ResultOptions, type SendOptions } from "./bus/bus.ts";
export type { DeadLetter, DeadLetterInfo, ReplayOptions } from "./bus/dead_letter.ts";
export type { DeadLettersOptions } from "./bus/dead_letters.ts";
export type { ImageSource } from "./bus/image_source.ts";
export type { Classified, Failed, Result, ResultBase, Score } from "./bus/result.ts";
export { type ResultsOptions, ResultStream } from "./bus/result_stream.ts";
export { BusError, type BusErrorCode } from "./bus/transport/errors.ts";
export { serve, type ServeOptions, type Service } from "./actors/serve.ts";
export { ActorError, ServiceError, type ServiceErrorCode } from "./actors/errors.ts";
export { SinkError, type SinkErrorCode } from "./actors/sinks/errors.ts";
export type { ServiceEvent } from "./actors/events.ts";
export type {
  ObservedBatch,
  ObservedCommit,
  ObservedImage,
  ObservedModel,
  ObservedWrite,
  Observer,
} from "./actors/observer.ts";
export type { Drift, DriftState } from "./actors/drift/model_drift.ts";
export type { HealthState, ServiceHealth } from "./actors/health.ts";
export type {
  CandidateStatus,
  ModelState,
  ModelStatus,
  RefusedVersion,
  VersionStatus,
  WorkerState,
  WorkerStatus,
} from "./actors/workers/status.ts";
export type { DecodeLimits } from "./models/image/limits.ts";
export { ModelError, type ModelErrorCode } from "./models/errors.ts";
export type { WorkersPerModel } from "./actors/workers/worker_count.ts";
export type { CodedError } from "./lib/coded_error.ts";

// What the types above are made of. Its contracts are by subpath, with what opens a bus or a sink.
export type * from "./bus/transport/transport.ts";
export type {
  AwsLogin,
  Compression,
  KafkaTransportOptions,
  OauthLogin,
  PasswordLogin,
  SaslOptions,
  TlsOptions,
} from "./bus/transport/kafka/open.ts";
export type { MemoryTransportOptions } from "./bus/transport/memory.ts";
export type { SqliteTransportOptions } from "./bus/transport/sqlite/open.ts";
export type { Synchronous } from "./bus/transport/sqlite/options.ts";
export type { Settled, Sink } from "./actors/sinks/sink.ts";
export type { Answer, Comparison } from "./bus/comparison.ts";
export type { Origin } from "./bus/envelope.ts";
