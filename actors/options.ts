/**
 * The options of a service.
 *
 * @module
 */
import type { Delivery } from "../bus/transport/transport.ts";
import {
  type ApiRow,
  checkOptions,
  count,
  type CustomRow,
  type OptionTable,
  type SettingsOf,
  size,
  splitList,
  time,
} from "../lib/options.ts";
import { DECODE_OPTIONS, type DecodeLimits } from "../models/image/limits.ts";
import { ServiceError } from "./errors.ts";
import type { ServiceEvent } from "./events.ts";
import type { Observer } from "./observer.ts";
import type { Sink } from "./sinks/sink.ts";
import { parseWorkersPerModel, type WorkersPerModel } from "./workers/worker_count.ts";

/** How to serve models on a bus. Ranges: docs/options.md. */
export interface ServeOptions extends DecodeLimits {
  /** Names of the models. By default all that are found. */
  readonly models?: readonly string[];
  /** Directories with more model folders, besides the shipped ones. @default {[]} */
  readonly modelsDirs?: readonly (string | URL)[];
  /**
   * Where results go, besides the topic `imagebus.results`. The service owns and closes them.
   *
   * @default {[]}
   */
  readonly sinks?: readonly Sink[];
  /** Services of one group share the work. @default {"imagebus"} */
  readonly group?: string;
  /**
   * `"exactly-once"`: results, replies and dead letters are stored on their topics together with the group's
   * offsets, so that each image that the bus accepted has exactly one result there, whatever process is
   * killed or frozen. Sinks get a result before that, at least once; those that keep anything know it by its
   * id. All services of a group must use the same. It costs one transaction per partition and batch of
   * results.
   *
   * @default {"at-least-once"}
   */
  readonly delivery?: Delivery;
  /**
   * Workers, thus threads, per model: one number for all, or by name. Models without a number start with an
   * equal share of (cores − 1) threads, at least 1, and get up to that many, at most 8, while their images
   * wait and cores are idle.
   */
  readonly workersPerModel?: WorkersPerModel;
  /**
   * The topics of the legacy system that belong to the models, such as `topic_mnist`: those that exist at the start
   * are served, or all of them, which creates them, or none.
   *
   * @default {"existing"}
   */
  readonly legacyTopics?: "existing" | "create" | "off";
  /** Largest number of images in a batch. @default {64} */
  readonly maxBatch?: number;
  /** Largest size of a batch in bytes; a larger image goes alone. @default {16_777_216} */
  readonly maxBatchBytes?: number;
  /** How long an idle Worker waits for a batch to fill, in milliseconds. @default {0} */
  readonly maxBatchWaitMs?: number;
  /**
   * How long a batch may take by the speed so far, in milliseconds; batches of 4 may take longer. More: fewer and larger
   * batches; less: results come sooner.
   *
   * @default {50}
   */
  readonly maxBatchMs?: number;
  /** Largest total of images in flight, read and not stored yet, with their keys and headers; in bytes. @default {67_108_864} */
  readonly maxInFlightBytes?: number;
  /** Largest number of images in flight. @default {4_096} */
  readonly maxInFlight?: number;
  /**
   * A Worker that takes longer to start, for one image of a batch, or for its inference, is replaced; in milliseconds.
   *
   * @default {30_000}
   */
  readonly deadlineMs?: number;
  /**
   * Largest memory of a Worker in MiB, WASM and JavaScript heap together. A Worker that exceeds it is
   * replaced between batches, and no image is lost. A shipped model takes 40 to 95; the default leaves room
   * for large models of your own.
   *
   * @default {1_024}
   */
  readonly maxWorkerMemoryMb?: number;
  /** Deaths of a model's Workers within 30 s after which the model is `down`. @default {5} */
  readonly maxRestarts?: number;
  /**
   * How long a model that is `down` waits before its next start, in milliseconds; doubled up to 32-fold.
   *
   * @default {10_000}
   */
  readonly downPauseMs?: number;
  /** How long `close` waits for what is in flight, in milliseconds. @default {30_000} */
  readonly drainMs?: number;
  /** Milliseconds between commits; with exactly-once delivery there is no pause. @default {200} */
  readonly commitIntervalMs?: number;
  /**
   * How often `serving.json` is read, which determines the version of a model that is served; in milliseconds.
   *
   * @default {2_000}
   */
  readonly servingIntervalMs?: number;
  /**
   * Whether models run without any permission. Needs `--unstable-worker-options` (or `"unstable":
   * ["worker-options"]` in the deno.json of the program): without it Deno ends the process. With `false`,
   * models have your program's permissions.
   *
   * @default {true}
   */
  readonly isolated?: boolean;
  /** Called with each event. Must not throw. */
  readonly onEvent?: (event: ServiceEvent) => void;
  /** Notified of batches, stored results, sink writes and commits; without it nothing is measured. */
  readonly observer?: Observer;
}

const MODELS_DIRS: CustomRow<readonly (string | URL)[]> = {
  type: "custom",
  value: "DIR,…",
  parse: splitList,
  accepts: (value) =>
    Array.isArray(value) && value.every((dir) => dir instanceof URL || typeof dir === "string"),
  expected: "directories",
  alias: "models-dir",
  text: "directories with model folders, besides the shipped ones",
};

const SINKS: ApiRow<readonly Sink[]> = {
  type: "api",
  accepts: (value) => Array.isArray(value) && value.every((sink) => typeof sink?.write === "function"),
  expected: "sinks: objects with name and write",
  text: "where results go, besides the topic imagebus.results",
};

const WORKERS_PER_MODEL: CustomRow<WorkersPerModel> = {
  type: "custom",
  value: "N",
  parse: parseWorkersPerModel,
  accepts: () => true, // It is checked against the models that are served.
  expected: "a whole number from 1 to 64, or mnist=2,cifar-10=4",
  otherwise: "chosen by cores and load",
  text: "Workers, that is threads, per model; by name: mnist=2,cifar-10=4",
};

const ON_EVENT: ApiRow<(event: ServiceEvent) => void> = {
  type: "api",
  accepts: (value) => typeof value === "function",
  expected: "a function",
  text: "called with each event",
};

const OBSERVER: ApiRow<Observer> = {
  type: "api",
  accepts: (value) => typeof value === "object" && value !== null,
  expected: "an observer: an object with the methods batch, stored, sinkWrite and commit, or some of them",
  text: "notified of batches, stored results, sink writes and commits",
};

/** Options of a service. */
export const SERVE_OPTIONS = {
  models: {
    type: "texts",
    short: "m",
    commas: true,
    value: "A,B",
    otherwise: "all models found",
    text: "names of the models to serve",
  },
  modelsDirs: MODELS_DIRS,
  sinks: SINKS,
  group: {
    type: "text",
    default: "imagebus",
    value: "NAME",
    text: "consumer group; its services share the work",
  },
  legacyTopics: {
    type: "choice",
    values: ["existing", "create", "off"],
    default: "existing",
    text:
      "topics of the legacy system (topic_mnist, …): serve those that exist at the start, create them, or none",
  },
  delivery: {
    type: "choice",
    values: ["at-least-once", "exactly-once"],
    default: "at-least-once",
    text: "how often each result appears on the topics; must be the same for all services of a group",
  },
  workersPerModel: WORKERS_PER_MODEL,
  maxBatch: { ...count(1_024), default: 64, text: "maximum number of images per batch" },
  maxBatchBytes: {
    ...size(2 ** 30),
    default: 2 ** 24,
    text: "maximum size of a batch; a larger image is a batch of its own",
  },
  maxBatchWaitMs: {
    ...time(0, 10_000),
    default: 0,
    text: "how long an idle Worker waits for a batch to fill",
  },
  maxBatchMs: {
    ...time(1, 60_000),
    default: 50,
    text: "how long a batch may take by the speed so far; smaller batches are answered sooner",
  },
  maxInFlightBytes: {
    ...size(2 ** 34),
    default: 2 ** 26,
    text: "maximum total size of the images in flight, with their headers",
  },
  maxInFlight: {
    ...count(1_000_000),
    default: 4_096,
    text: "maximum number of images in flight: received, but not stored yet",
  },
  ...DECODE_OPTIONS,
  deadlineMs: {
    ...time(1, 3_600_000),
    default: 30_000,
    text: "a Worker that takes longer to start, for one image, or for the inference of a batch, is replaced",
  },
  maxWorkerMemoryMb: {
    ...count(4_096, 16),
    default: 1_024,
    text: "maximum memory of a Worker in MiB; above it, it is replaced between batches",
  },
  maxRestarts: {
    ...count(1_000),
    default: 5,
    text: "a model is down after this many deaths of its Workers within 30s",
  },
  downPauseMs: {
    ...time(1, 3_600_000),
    default: 10_000,
    text: "pause before a model that is down starts again; doubles up to 32-fold",
  },
  drainMs: {
    ...time(0, 3_600_000),
    default: 30_000,
    text: "how long to wait for the images in flight on shutdown",
  },
  commitIntervalMs: { ...time(0, 60_000), default: 200, text: "interval between commits of offsets" },
  servingIntervalMs: {
    ...time(10, 3_600_000),
    default: 2_000,
    text: "how often serving.json is read, which determines the version of a model that is served",
  },
  isolated: { type: "flag", default: true, text: "run models without any permission" },
  onEvent: ON_EVENT,
  observer: OBSERVER,
} as const satisfies OptionTable;

/** {@linkcode ServeOptions} with every default filled in. */
export type ServeSettings = SettingsOf<typeof SERVE_OPTIONS>;

/**
 * Checks the options of a service, and fills in the defaults.
 *
 * @throws {ServiceError} `invalid`.
 */
export function checkServeOptions(options: ServeOptions): ServeSettings {
  return checkOptions(SERVE_OPTIONS, options, (message) => new ServiceError("invalid", message));
}
