import type { Bus } from "../../../bus/bus.ts";
import { stateDir } from "../../../bus/state_dir.ts";
import { SEND_OPTIONS } from "../../../bus/send_options.ts";
import { modelOfTopic } from "../../../bus/topics.ts";
import { defined } from "../../../lib/defined.ts";
import { flag } from "../../../lib/options.ts";
import { didYouMean } from "../../../lib/suggestion.ts";
import { listModels } from "../../../models/registry.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, UsageError } from "../../command.ts";
import {
  BUS_OPTIONS,
  JSON_OPTION,
  MODELS_DIRS_OPTION,
  openBus,
  RESULTS_OPTION,
  TIMEOUT_OPTION,
} from "../../options.ts";
import { fileFailure } from "../../file_failure.ts";
import { absoluteBus } from "../../worker_report.ts";
import { modelSearch } from "../../models_directory.ts";
import { openResultsIfAny } from "../../stored_results/stored_results.ts";
import { type Listed, listFiles, readList } from "./files.ts";
import { SendReport } from "./report.ts";
import { type Fault, Sender } from "./sender.ts";
import { WatchedFolder } from "./watched_folder.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  ...SEND_OPTIONS,
  ...TIMEOUT_OPTION,
  ...MODELS_DIRS_OPTION,
  wait: { ...flag("wait for the results, and print each as it comes"), short: "w" },
  recursive: { ...flag("send the images in folders, and in the folders in them"), short: "r" },
  filesFrom: {
    type: "text",
    value: "LIST",
    text: "also send the files of a list, one path per line; - is standard input",
  },
  watch: {
    type: "text",
    value: "DIR",
    text: "also send the images in DIR, and each that appears there later, once, until Ctrl-C",
  },
  idFrom: {
    type: "choice",
    values: ["path", "hash", "file"],
    otherwise: "random ids; with --watch file",
    text: "derive each id from the absolute path, the content or both, so that sending again adds no results",
  },
  skipClassified: flag("with --id-from: do not send images that are classified in --results already"),
  ...RESULTS_OPTION,
  actualFromFolder: flag("the name of each file's folder is its true label"),
  ...JSON_OPTION,
} as const;
type Args = Arguments<typeof OPTIONS>;

/** Sends images. */
export const send = defineCommand({
  name: "send",
  summary: "Send images to be classified",
  operands: { form: "[FILE…]", min: 0, max: Infinity },
  options: OPTIONS,
  examples: [
    ["imagebus send boot.png", "print its id, do not wait"],
    ["imagebus send --wait --model mnist seven.png", "print its label"],
    [
      "imagebus send --wait --id order-17 boot.png",
      "with an id of your own; ask again later: imagebus result order-17",
    ],
    ["imagebus send *.jpg --json", "one JSON object with id and file per image"],
    [
      "imagebus send -r photos --id-from path",
      "all images in a folder; the same line again adds no second results",
    ],
    [
      "imagebus send -r photos --id-from path --skip-classified",
      "again, without those that are classified already",
    ],
    [
      "imagebus send -r --wait --actual-from-folder test",
      "one folder per class: compare with the true labels",
    ],
    ["imagebus send --watch inbox", "each image that appears in the folder, once, across restarts"],
    ["find . -name '*.png' | imagebus send --files-from -", "a list of files"],
    ["cat boot.png | imagebus send --wait -", "from standard input"],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

async function run(args: Args): Promise<number> {
  checkTyped(args);
  let skipped = 0;
  const { recursive, filesFrom, json, wait, watch, model } = args.values;
  const listing = { recursive, onSkipped: () => void skipped++ };
  const files = await Array.fromAsync(listFiles(args.operands, listing));
  const list = filesFrom === undefined ? [] : listFiles(listIn(filesFrom), listing);
  if (files.length === 0 && filesFrom === undefined && watch === undefined) {
    throw new UsageError(`Cannot send ${args.operands.join(", ")}: there are no images in it`);
  }
  await using bus = await openBus(args);
  const labels = await checkModel(model, bus, args);
  const report = new SendReport({
    json,
    wait,
    single: args.operands.length === 1 && !recursive && filesFrom === undefined && watch === undefined,
    total: filesFrom === undefined && watch === undefined ? files.length : undefined,
  });
  using interruption = new Interruption();
  using folder = watch === undefined ? null : await WatchedFolder.open(watch, {
    recursive,
    journal: `${stateDir()}/watched.db`,
    target: JSON.stringify([absoluteBus(bus.transport.url), model]),
    signal: interruption.signal,
  });
  await using results = args.values.skipClassified ? await openResultsIfAny(args) : null;
  const isClassified = results &&
    (async (id: string) => (await results.statuses([id])).get(id) === "classified");
  const sender = new Sender(bus, {
    ...senderOptions(args, labels, interruption.signal),
    ...isClassified && { isClassified },
  });
  await sender.send(chain(files, list, folder?.files() ?? []), (outcome) => {
    if (!outcome.error || isStored(outcome.error)) folder?.sent(outcome.file);
    report.add(outcome);
  });
  report.end(skipped);
  // Watching has no other end.
  return interruption.signal.aborted && watch === undefined ? 130 : report.code;
}

/** Whether only the result is missing. */
function isStored({ code }: Fault): boolean {
  return code === "timeout" || code === "interrupted";
}

/** What is wrong before any file is looked at. */
function checkTyped({ operands, values }: Args): void {
  const { filesFrom, recursive, id, fileName, idFrom, actual, actualFromFolder } = values;
  if (operands.length === 0 && filesFrom === undefined && values.watch === undefined) {
    throw new UsageError("send needs FILE…: imagebus send boot.png");
  }
  const fromInput = operands.filter((file) => file === "-").length;
  if (fromInput + (filesFrom === "-" ? 1 : 0) > 1) {
    throw new UsageError("Standard input is given twice: it is one image or one list");
  }
  for (const [name, value] of [["--id", id], ["--file-name", fileName]] as const) {
    const isSingle = operands.length === 1 && filesFrom === undefined && values.watch === undefined &&
      !recursive;
    if (value === undefined || isSingle) continue;
    throw new UsageError(
      `${name} belongs to one image: it needs one FILE, without --recursive, --files-from or --watch`,
    );
  }
  if (id !== undefined && idFrom !== undefined) throw new UsageError("--id-from has no effect with --id");
  if (values.skipClassified && idFrom === undefined && id === undefined) {
    throw new UsageError("--skip-classified needs --id-from or --id: a random id has no result yet");
  }
  if (actual !== undefined && actualFromFolder) {
    throw new UsageError("--actual-from-folder has no effect with --actual");
  }
  if (fromInput > 0 && (idFrom === "path" || actualFromFolder)) {
    const option = actualFromFolder ? "--actual-from-folder" : "--id-from path";
    throw new UsageError(`${option} needs files: an image from standard input has no path`);
  }
}

async function* listIn(path: string): AsyncGenerator<string, void, void> {
  try {
    yield* readList(path);
  } catch (cause) {
    throw cause instanceof UsageError ? cause : fileFailure("read", path, cause);
  }
}

async function* chain(
  ...parts: readonly (Iterable<Listed> | AsyncIterable<Listed>)[]
): AsyncGenerator<Listed, void, void> {
  for (const part of parts) yield* part;
}

function senderOptions({ values }: Args, labels: readonly string[], signal: AbortSignal) {
  return {
    request: {
      model: values.model,
      ...defined({
        modelVersion: values.modelVersion,
        replyTo: values.replyTo,
        correlationId: values.correlationId,
        traceparent: values.traceparent,
        actual: values.actual,
        expiresAfterMs: values.expiresAfterMs,
        id: values.id,
        key: values.key,
        fileName: values.fileName,
      }),
    },
    idFrom: values.idFrom ?? (values.watch === undefined ? undefined : "file" as const),
    actualFromFolder: values.actualFromFolder,
    labels,
    timeoutMs: values.wait ? values.timeoutMs : undefined,
    signal,
  };
}

/** The first SIGINT or SIGTERM aborts the signal, the second ends the process. */
class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = () => {
    this.#controller.abort();
    this[Symbol.dispose]();
  };

  constructor() {
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(name, this.#onSignal);
  }
}

/**
 * A model that is served elsewhere has a topic.
 *
 * @returns Its labels, if they are known here.
 */
async function checkModel(model: string, bus: Bus, args: Args): Promise<readonly string[]> {
  const here = await listModels(await modelSearch(args));
  const found = here.find(({ name }) => name === model);
  if (found !== undefined) return "manifest" in found ? found.manifest.labels : [];
  const topics = await bus.transport.topics(undefined, (name) => modelOfTopic(name) !== null);
  const known = new Set([...here.map(({ name }) => name), ...topics.map(({ name }) => modelOfTopic(name)!)]);
  if (!known.has(model)) throw new UsageError(`Unknown model "${model}"${didYouMean(model, [...known])}`);
  return [];
}
