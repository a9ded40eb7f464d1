import { count, type OptionTable, size, time } from "../../../lib/options.ts";
import { DEFAULT_MODEL } from "../../../bus/topics.ts";
import type { Arguments } from "../../command.ts";
import { BUS_OPTIONS, JSON_OPTION, MODELS_DIRS_OPTION } from "../../options.ts";

/** Options of `imagebus topics`. */
export const TOPICS_OPTIONS = {
  ...BUS_OPTIONS,
  group: { type: "text", default: "imagebus", value: "NAME", text: "group whose lag to show" },
  rate: { ...count(10_000_000), text: "images per second at the busiest time" },
  bytes: { ...size(2 ** 30), default: 1_024, text: "mean size of an image" },
  model: { type: "text", default: DEFAULT_MODEL, value: "NAME", text: "model that classifies them" },
  waitMs: { ...time(100, 3_600_000), default: 5_000, text: "how long an image may wait" },
  retentionMs: { ...time(1_000, 2 ** 40), default: 604_800_000, text: "how long the bus keeps an image" },
  replicas: { ...count(9), default: 3, text: "replicas of each partition" },
  ...MODELS_DIRS_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;

/** Arguments of its sub-commands. */
export type TopicsArguments = Arguments<typeof TOPICS_OPTIONS>;
