import { count, flag, type OptionTable } from "../../lib/options.ts";

/** Options of a run. */
export const SOAK_OPTIONS = {
  bus: {
    type: "choice",
    values: ["sqlite", "kafka"],
    default: "sqlite",
    text: "the embedded bus, or a broker that is started for the run",
  },
  messages: {
    ...count(100_000_000),
    default: 300_000,
    text: "number of images; with fewer than 150000 memory has not settled",
  },
  maxGrowthMb: {
    ...count(1_000_000, 0),
    default: 30,
    text: "maximum growth of memory after the first sixth of the images, in MiB",
  },
  maxWorkerMemoryMb: {
    ...count(4_096, 16),
    default: 1_024,
    text: "memory limit of a Worker in MiB, beyond which it is replaced between batches",
  },
  leak: flag("negative control: the models leak 256 MiB; unless Workers are replaced, the run has to fail"),
} as const satisfies OptionTable;
