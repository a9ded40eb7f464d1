import { connect, type ConnectOptions } from "../bus/connect.ts";
import type { Bus } from "../bus/bus.ts";
import { DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_PARTITIONS } from "../bus/transport/transport.ts";
import { type FolderForm, MAX_SIDE } from "../training/datasets/image_folder.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

/** Options of every command that uses a bus. */
export const BUS_OPTIONS = {
  bus: {
    type: "string",
    value: "URL",
    environment: "IMAGEBUS_URL",
    description: "kafka://HOST:PORT or sqlite:PATH; default: the embedded bus",
  },
  "max-message-bytes": {
    type: "number",
    value: "N",
    description: `largest image, in bytes; default ${DEFAULT_MAX_MESSAGE_BYTES}`,
    range: [1, 2 ** 30],
  },
  partitions: {
    type: "number",
    value: "N",
    description: `partitions of topics that are made; default ${DEFAULT_PARTITIONS}`,
    range: [1, 1_000],
  },
  "max-queue-bytes": {
    type: "number",
    value: "N",
    description: "embedded bus: most bytes it keeps; default 4294967296",
    range: [1, 2 ** 43],
  },
} as const satisfies Record<string, Option>;

/** One object a line on standard output. */
export const JSON_OPTION = {
  json: { type: "boolean", description: "one JSON object a line on standard output, for programs" },
} as const satisfies Record<string, Option>;

/** Where results are kept. */
export const RESULTS_OPTION = {
  results: {
    type: "string",
    value: "PATH",
    description: "the SQLite file with the results, sink sqlite; default: beside the embedded bus",
  },
} as const satisfies Record<string, Option>;

/** Where else results go; see cli/sinks.ts. */
export const SINK_OPTION = {
  sink: {
    type: "string",
    value: "SINK",
    multiple: true,
    description: "console, sqlite[:PATH], postgres://…, jsonl:PATH; several times; default console,sqlite",
  },
} as const satisfies Record<string, Option>;

/** Where more models are. */
export const MODELS_DIR_OPTION = {
  "models-dir": { type: "string", value: "DIR", description: "a directory with more model folders" },
} as const satisfies Record<string, Option>;

/** Where the data sets are. */
export const DATA_OPTION = {
  data: { type: "string", value: "DIR", description: "where the data sets are; default ./data" },
} as const satisfies Record<string, Option>;

/** What the images of a folder are brought into. */
export const FORM_OPTIONS = {
  size: { type: "string", value: "WxH", description: "image folders: resize every image, e.g. 32x32" },
  channels: {
    type: "number",
    value: "N",
    description: "image folders: 1 makes every image grey, 3 RGB",
    range: [1, 3],
  },
} as const satisfies Record<string, Option>;

/**
 * Reads the form that image folders are brought into.
 *
 * @param args Of a command with {@linkcode FORM_OPTIONS}.
 */
export function formOf(args: Arguments): FolderForm {
  const size = args.text("size");
  const sides = /^(\d{1,4})[x×](\d{1,4})$/.exec(size ?? "")?.slice(1).map(Number) ?? [];
  if (size !== undefined && (sides.length === 0 || sides.some((side) => side < 1 || side > MAX_SIDE))) {
    throw new UsageError(`--size is "${size}": expected width and height, each 1 to ${MAX_SIDE}, e.g. 32x32`);
  }
  const [width, height] = sides;
  const channels = args.number("channels");
  if (channels === 2) throw new UsageError("--channels is 2: expected 1 (grey) or 3 (RGB)");
  return {
    ...(width !== undefined && height !== undefined && { width, height }),
    ...(channels !== undefined && { channels: channels === 1 ? 1 : 3 }),
  };
}

/**
 * Connects to the bus that the arguments name.
 *
 * @param args Of a command with {@linkcode BUS_OPTIONS}.
 * @param options What is particular to the command.
 */
export async function openBus(args: Arguments, options: ConnectOptions = {}): Promise<Bus> {
  if (args.text("bus")?.startsWith("memory:")) {
    throw new UsageError(
      "The bus memory: is gone with this command: it is for programs. Expected sqlite:PATH or kafka://…",
    );
  }
  const maxMessageBytes = args.number("max-message-bytes");
  const partitions = args.number("partitions");
  const maxQueueBytes = args.number("max-queue-bytes");
  return await connect(args.text("bus"), {
    ...options,
    ...(maxMessageBytes !== undefined && { maxMessageBytes }),
    ...(partitions !== undefined && { partitions }),
    ...(maxQueueBytes !== undefined && { maxQueueBytes }),
  });
}
