import type { Bus } from "../../bus/bus.ts";
import type { Result } from "../../bus/result.ts";
import { SEND_OPTIONS } from "../../bus/send_options.ts";
import { modelOfTopic } from "../../bus/topics.ts";
import { defined } from "../../lib/defined.ts";
import { mapConcurrent } from "../../lib/map_concurrent.ts";
import { flag } from "../../lib/options.ts";
import { listModels } from "../../models/registry.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, UsageError } from "../command.ts";
import {
  BUS_OPTIONS,
  JSON_OPTION,
  MODELS_DIRS_OPTION,
  modelsIn,
  openBus,
  TIMEOUT_OPTION,
} from "../options.ts";
import { checkImageFiles, imageSource } from "../image_file.ts";
import { didYouMean } from "../../lib/suggestion.ts";
import { resultCells } from "../ui/result_cells.ts";
import { columns, dim, print } from "../ui/terminal.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  ...SEND_OPTIONS,
  ...TIMEOUT_OPTION,
  ...MODELS_DIRS_OPTION,
  wait: flag("wait for the results, and print them"),
  ...JSON_OPTION,
} as const;
type Args = Arguments<typeof OPTIONS>;

/** Sends images. */
export const send = defineCommand({
  name: "send",
  summary: "Send images to be classified",
  operands: { form: "FILE…", min: 1, max: Infinity },
  options: OPTIONS,
  examples: [
    ["imagebus send boot.png", "print its id, do not wait"],
    ["imagebus send --wait --model mnist seven.png", "print its label"],
    [
      "imagebus send --wait --id order-17 boot.png",
      "with an id of your own; ask again later: imagebus result order-17",
    ],
    ["imagebus send *.jpg --json", "one JSON object with id and file per image"],
    ["cat boot.png | imagebus send --wait -", "from standard input"],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

interface Sent {
  readonly file: string;
  readonly id: string;
  readonly result?: Result;
}

async function run(args: Args): Promise<number> {
  if (args.values.id !== undefined && args.operands.length > 1) {
    throw new UsageError(`--id is the id of one image, but ${args.operands.length} files are given`);
  }
  // All files are checked before the first is sent, so that a mistake sends nothing.
  await checkImageFiles("send", args.operands);
  await using bus = await openBus(args);
  const { model } = args.values;
  await checkModel(model, bus, args);
  const sent = await mapConcurrent(args.operands, 64, (file) => sendFile(bus, file, model, args));
  report(sent, args.values.json);
  return sent.some(({ result }) => result?.status === "failed") ? 1 : 0;
}

/** A model that is served elsewhere has a topic. */
async function checkModel(model: string, bus: Bus, args: Args): Promise<void> {
  const here = (await listModels(modelsIn(args))).map(({ name }) => name);
  if (here.includes(model)) return;
  const topics = await bus.transport.topics(undefined, (name) => modelOfTopic(name) !== null);
  const known = new Set([
    ...here,
    ...topics.map(({ name }) => modelOfTopic(name)!),
  ]);
  if (!known.has(model)) throw new UsageError(`Unknown model "${model}"${didYouMean(model, [...known])}`);
}

async function sendFile(bus: Bus, file: string, model: string, args: Args): Promise<Sent> {
  const source = imageSource(file);
  const { replyTo, correlationId, traceparent, actual, expiresAfterMs, id, key, timeoutMs, wait } =
    args.values;
  const options = defined({ model, id, key, replyTo, correlationId, traceparent, actual, expiresAfterMs });
  if (!wait) return { file, id: await bus.send(source, options) };
  const result = await bus.classify(source, { ...options, timeoutMs });
  return { file, id: result.id, result };
}

function report(sent: readonly Sent[], json: boolean): void {
  if (json) {
    return sent.forEach(({ file, id, result }) => print(JSON.stringify({ file, ...(result ?? { id }) })));
  }
  const [only] = sent;
  if (sent.length === 1 && only && !only.result) return print(only.id);
  print(columns(sent.map(({ file, id, result }) => [file, ...(result ? resultCells(result) : []), dim(id)])));
}
