import { pathToFileURL } from "node:url";
import type { Bus } from "../../bus/bus.ts";
import type { ImageSource } from "../../bus/image_source.ts";
import type { Result } from "../../bus/result.ts";
import { DEFAULT_MODEL, modelOfTopic } from "../../bus/topics.ts";
import { listModels } from "../../models/registry.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { BUS_OPTIONS, JSON_OPTION, MODELS_DIR_OPTION, openBus } from "../options.ts";
import { didYouMean } from "../ui/suggestion.ts";
import { resultCells } from "../ui/result_cells.ts";
import { columns, dim, print } from "../ui/terminal.ts";

/** Sends images. */
export const send: Command = {
  name: "send",
  summary: "Send images to be classified",
  operands: "FILE…",
  options: {
    ...BUS_OPTIONS,
    model: {
      type: "string",
      value: "NAME",
      description: `which model shall classify them; default ${DEFAULT_MODEL}`,
    },
    ...MODELS_DIR_OPTION,
    wait: { type: "boolean", description: "wait for the results and print them" },
    "timeout-ms": {
      type: "number",
      value: "MS",
      description: "how long to wait for each result; default 30000",
      range: [1, 2_147_483_647],
    },
    id: {
      type: "string",
      value: "TEXT",
      description: "the id of the one image and of its result; default: a random one",
    },
    key: { type: "string", value: "TEXT", description: "images with equal keys are classified in order" },
    actual: { type: "string", value: "LABEL", description: "the true label, kept with the result" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus send boot.png", "print the id, do not wait"],
    ["imagebus send --wait --model mnist seven.png", "print what it is"],
    ["imagebus send --wait --id order-17 boot.png", "if it is interrupted: imagebus result order-17"],
    ["imagebus send *.jpg --json", "an object with id and file for each"],
    ["cat boot.png | imagebus send --wait -", "from standard input"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

interface Sent {
  readonly file: string;
  readonly id: string;
  readonly result?: Result;
}

async function run(args: Arguments): Promise<number> {
  if (args.operands.length === 0) {
    throw new UsageError("send needs the file of an image: imagebus send boot.png");
  }
  if (args.text("id") !== undefined && args.operands.length > 1) {
    throw new UsageError(`--id is for one image: there are ${args.operands.length}`);
  }
  for (const file of args.operands) await refuseUnreadable(file);
  await using bus = await openBus(args);
  const model = args.text("model") ?? DEFAULT_MODEL;
  await refuseUnknown(model, bus, args);
  const sent: Sent[] = [];
  for (const files of chunks(args.operands, 64)) {
    sent.push(...await Promise.all(files.map((file) => sendFile(bus, file, model, args))));
  }
  report(sent, args.flag("json"));
  return sent.some(({ result }) => result?.status === "failed") ? 1 : 0;
}

/** All files are looked at before the first is sent, so that a mistake sends nothing. */
async function refuseUnreadable(file: string): Promise<void> {
  if (file === "-") return;
  try {
    if ((await Deno.stat(file)).isFile) return;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UsageError(`There is no file ${file}`, { cause });
  }
  throw new UsageError(`${file} is not a file`);
}

/** A model may be served by a worker elsewhere: then it has a topic. */
async function refuseUnknown(model: string, bus: Bus, args: Arguments): Promise<void> {
  const dir = args.text("models-dir");
  const here = (await listModels(dir === undefined ? {} : { dirs: [dir] })).map(({ name }) => name);
  if (here.includes(model)) return;
  const topics = await bus.transport.topics();
  const known = new Set([
    ...here,
    ...topics.map(({ name }) => modelOfTopic(name)).filter((name) => name !== null),
  ]);
  if (!known.has(model)) throw new UsageError(`There is no model "${model}"${didYouMean(model, [...known])}`);
}

async function sendFile(bus: Bus, file: string, model: string, args: Arguments): Promise<Sent> {
  const source: ImageSource = file === "-" ? Deno.stdin.readable : pathToFileURL(file);
  const id = args.text("id");
  const key = args.text("key");
  const actual = args.text("actual");
  const timeoutMs = args.number("timeout-ms");
  const options = {
    model,
    ...(id !== undefined && { id }),
    ...(key !== undefined && { key }),
    ...(actual !== undefined && { actual }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  if (!args.flag("wait")) return { file, id: await bus.send(source, options) };
  const result = await bus.classify(source, options);
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

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
