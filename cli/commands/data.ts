import { fileURLToPath } from "node:url";
import { dataDirectory, findDataDirectory } from "../../training/datasets/directory.ts";
import type { FolderForm } from "../../training/datasets/image_folder.ts";
import { getDataSet, type GotFile } from "../../training/datasets/get_data_set.ts";
import { inspectFile } from "../../training/datasets/inspect.ts";
import { type InventoryEntry, listDataSets } from "../../training/datasets/inventory.ts";
import {
  findOfficial,
  OFFICIAL_DATA_SETS,
  type OfficialDataSet,
  type OfficialFile,
  officialFiles,
} from "../../training/datasets/official.ts";
import { findImageFolder, readDataSet } from "../../training/datasets/read_data_set.ts";
import { prepareTask } from "../../training/fitting/task.ts";
import { recipeForData } from "../../training/recipes/resolve_recipe.ts";
import { ModelError } from "../../models/errors.ts";
import { showUrl } from "../../models/read_url.ts";
import { type Arguments, defineActions, NO_OPERANDS, UsageError } from "../command.ts";
import { plural } from "../../lib/plural.ts";
import { defined } from "../../lib/defined.ts";
import { printable } from "../../lib/printable.ts";
import { flag, type OptionTable } from "../../lib/options.ts";
import { DATA_OPTION, FORM_OPTIONS, formOf, JSON_OPTION } from "../options.ts";
import { didYouMean } from "../../lib/suggestion.ts";
import { Progress, readingBar } from "../ui/progress.ts";
import {
  bold,
  columns,
  green,
  logError,
  print,
  red,
  showProgress,
  terminalWidth,
  wrap,
} from "../ui/terminal.ts";

const OPTIONS = {
  ...DATA_OPTION,
  from: { type: "text", value: "DIR", text: "copy the files from DIR instead of downloading them" },
  unverified: flag("accept well-formed files that are not the official ones"),
  ...FORM_OPTIONS,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

const SERVERS = new Set(OFFICIAL_DATA_SETS.flatMap(({ mirrors }) => mirrors.map((url) => new URL(url).host)));

/** Downloads, lists and checks data sets. */
export const data = defineActions({
  name: "data",
  summary: "Download, list and check the data sets",
  options: OPTIONS,
  examples: [
    ["imagebus data get fashion-mnist", "download the official files to ./data/fashion-mnist"],
    ["imagebus data get cifar-10 --from ~/Downloads", "copy and check files that you have"],
    ["imagebus data list", "list the data sets in ./data"],
    ["imagebus data check ./clothes --size 32x32", "check that a folder of images can be trained on"],
  ],
  permissions: ["env", "read", "write", ...[...SERVERS].map((host) => `net=${host}` as const)],
  actions: {
    get: {
      operands: { form: "NAME", min: 1, max: 1 },
      options: ["data", "from", "unverified", "json"],
      run: get,
    },
    list: { operands: NO_OPERANDS, options: ["data", "json"], run: list },
    check: {
      operands: { form: "[NAME…]", min: 0, max: Infinity },
      options: ["data", "unverified", "size", "channels", "skipBad", "json"],
      run: check,
    },
  },
});

async function get(args: Args): Promise<number> {
  const [name = ""] = args.operands;
  const set = officialByName(name);
  const { data: to, from } = args.values;
  const { folder, files } = await getDataSet(set, {
    unverified: args.values.unverified,
    onProgress: progressBars(),
    onNotice: (text) => logError(`imagebus: ${text}`),
    ...defined({ to, from }),
  });
  showProgress("");
  if (args.values.json) { for (const file of files) print(JSON.stringify({ set: name, ...file })); }
  else {
    print(columns(files.map((file) => [file.name, file.came, originOf(file)])));
    print(columns([[`${set.title} is in`, showUrl(folder)]]));
  }
  return 0;
}

function officialByName(name: string): OfficialDataSet {
  const set = findOfficial(name);
  if (set !== undefined) return set;
  const known = OFFICIAL_DATA_SETS.map((other) => other.name);
  throw new UsageError(`Unknown data set "${name}"${didYouMean(name, known)}`);
}

function originOf({ official }: GotFile): string {
  return official ? green("official") : red("unverified");
}

/** One bar per file. */
function progressBars(): (file: OfficialFile, bytes: number) => void {
  const bars = new Map<string, Progress>();
  return ({ name, bytes: total }, bytes) =>
    bars.getOrInsertComputed(name, () => new Progress("MB", total, { format: megabytes, label: name })).show(
      bytes,
    );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

async function list(args: Args): Promise<number> {
  const directory = dataDirectory(args.values.data);
  const entries = await listDataSets(directory);
  if (args.values.json) {
    for (const entry of entries) print(JSON.stringify({ ...entry, folder: showUrl(entry.folder) }));
    return 0;
  }
  print(columns([["data set", "images", "MB", "complete", "location"].map(bold), ...entries.map(toCells)]));
  return 0;
}

function toCells({ name, images, bytes, complete, folder, message }: InventoryEntry): string[] {
  const state = complete ? green("yes") : red("no");
  return [name, String(images), megabytes(bytes), state, message === undefined ? showUrl(folder) : message];
}

/** One line of `data check`. */
interface Checked {
  readonly set: string;
  readonly file?: string;
  readonly state: "official" | "unofficial" | "damaged" | "missing" | "good";
  readonly message?: string;
}

async function check(args: Args): Promise<number> {
  const names = args.operands;
  const directory = dataDirectory(args.values.data);
  const form = formOf(args);
  const accepted = args.values.unverified ? ["official", "good", "unofficial"] : ["official", "good"];
  let code = 0;
  for (const name of names.length > 0 ? names : await namesIn(args)) {
    const set = findOfficial(name);
    const checked = set === undefined
      ? [await checkFolder(name, directory, form)]
      : await checkFiles(set, directory);
    for (const line of checked) {
      report(line, args.values.json, accepted.includes(line.state));
      if (!accepted.includes(line.state)) code = 1;
    }
  }
  return code;
}

/** Names of all data sets that are there, also incomplete ones. */
async function namesIn(args: Args): Promise<string[]> {
  const entries = await listDataSets(await findDataDirectory(args.values.data));
  return entries.filter(({ kind, bytes }) => kind === "folder" || bytes > 0).map(({ name }) => name);
}

async function checkFiles(set: OfficialDataSet, directory: URL): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const expected of officialFiles(set)) {
    const { state, message } = await inspectFile(set, expected, directory);
    checked.push({ set: set.name, file: expected.name, state, ...(message !== undefined && { message }) });
  }
  return checked;
}

async function checkFolder(name: string, directory: URL, form: FolderForm): Promise<Checked> {
  try {
    const onRead = readingBar();
    const train = await readDataSet(name, "train", directory, form, onRead);
    const test = await readDataSet(name, "test", directory, form, onRead);
    // What `train` would refuse is refused here.
    prepareTask(recipeForData(fileURLToPath(await findImageFolder(name, directory)), train, form), train);
    const { width, height, channels, classes } = train;
    const kind = channels === 1 ? "grey" : "RGB";
    const message =
      `${train.count} training and ${plural(test.count, "test image")}, ${width}×${height} ${kind}, ` +
      `${classes.length} classes: ${classes.slice(0, 10).join(", ")}${classes.length > 10 ? ", …" : ""}`;
    const leftOut = [...train.leftOut ?? [], ...test.leftOut ?? []];
    return { set: name, state: "good", message: [message, ...leftOut].join("\n") };
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === "not_found") throw error;
    return { set: name, state: "damaged", message: error.message };
  }
}

function report({ set, file, state, message }: Checked, json: boolean, accepted: boolean): void {
  if (json) return print(JSON.stringify({ set, file, state, message }));
  const name = file === undefined ? set : `${set}/${file}`;
  const [first = "", ...further] = message?.split("\n") ?? [];
  print(columns([[name, accepted ? green(state) : red(state), first]]));
  for (const line of further.flatMap((text) => wrap(printable(text.trim()), terminalWidth() - 4))) {
    print(`    ${line}`);
  }
}
