import { count, flag, type OptionTable, type SettingsOf, time } from "../../lib/options.ts";

/** Options of a run. */
export const CHAOS_OPTIONS = {
  bus: {
    type: "choice",
    values: ["sqlite", "kafka"],
    default: "sqlite",
    text: "the embedded bus, or a Kafka that is started for the run",
  },
  brokers: {
    type: "choice",
    values: ["1", "3"],
    default: "1",
    text: "brokers of Kafka; three hold a replica of everything each",
  },
  secured: flag("Kafka with TLS, and with a login by SCRAM-SHA-512"),
  postgres: flag("also store results in a PostgreSQL that is started for the run, besides the SQLite file"),
  messages: { ...count(10_000_000), default: 10_000, text: "number of images" },
  seed: { ...count(2 ** 31 - 1, 0), default: 1, text: "random seed of the schedule and the images" },
  faults: {
    type: "texts",
    commas: true,
    otherwise: "all that are possible",
    value: "A,B",
    text: "kinds of faults",
  },
  faultCount: {
    ...count(10_000, 0),
    otherwise: "one per 3000 images, and each kind at least once",
    text: "number of faults",
  },
  workers: { ...count(32), default: 3, text: "worker processes" },
  workersPerModel: { ...count(64), default: 1, text: "threads of the model in each process" },
  rate: { ...count(1_000_000), default: 500, text: "maximum number of images per second" },
  badPercent: { ...count(100, 0), default: 2, text: "percentage of bad images" },
  maxWorkerMemoryMb: {
    ...count(4_096, 64),
    default: 128,
    text: "memory limit of a Worker in MiB, beyond which it has to be replaced",
  },
  sessionMs: {
    ...time(1_000, 60_000),
    default: 3_000,
    text: "time without a heartbeat after which a worker process loses its partitions",
  },
  http: flag(
    "each worker process serves metrics and a page, which is open; its counters must agree with its sink",
  ),
  exactlyOnce: flag("workers deliver exactly once: the topics must not hold anything twice"),
  commitBeforeSink: flag(
    "negative control: workers commit results that they have not stored; the run has to fail",
  ),
} as const satisfies OptionTable;

/** What to run. */
export type ChaosSettings = SettingsOf<typeof CHAOS_OPTIONS>;
