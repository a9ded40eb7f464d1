import { join } from "node:path";
import { keptImages } from "../../../bus/kept_images.ts";
import { printable } from "../../../lib/printable.ts";
import { ImageError } from "../../../models/errors.ts";
import { fileFailure, statIfAny } from "../../file_failure.ts";
import { decodeImage, formatName, loadDecoders } from "../../../models/image/decode.ts";
import { UsageError } from "../../command.ts";
import { fileNameOf } from "../../file_name_of.ts";
import { openExistingBus } from "../../options.ts";
import { openResults, type StoredResult } from "../../stored_results/stored_results.ts";
import { logError, print } from "../../ui/terminal.ts";
import { isFiltered, type ResultArguments, selectionOf } from "./options.ts";

/** Clocks of the machines differ by at most this. */
const MAX_CLOCK_SKEW_MS = 60_000;

/**
 * `results export --images DIR`: per image a file with the original bytes, in the folder of its true label, else of the
 * label that was predicted. The exit code is 1 if the bus no longer keeps one of them.
 */
export async function exportImages(args: ResultArguments): Promise<number> {
  const { images: dir, json } = args.values;
  if (dir === undefined) throw new UsageError("results export needs --images DIR");
  if (!isFiltered(args)) {
    throw new UsageError(
      "Cannot export: no results are selected; expected IDs, --wrong, --below, --unknown, --labelled, --label, --model or --since",
    );
  }
  const folder = await ClassFolders.open(dir);
  const wanted = await select(args);
  await using bus = await openExistingBus(args);
  const counts: Counts = { written: 0, there: 0, damaged: 0 };
  for await (const { id, image } of keptImages(bus.transport, wanted)) {
    const { label, failed } = wanted.labels.get(id)!;
    if (failed && !await isDecodable(image)) {
      counts.damaged++;
      continue;
    }
    const file = await folder.write(label, id, image);
    if (file === null) counts.there++;
    else {
      counts.written++;
      print(json ? JSON.stringify({ id, label, file }) : printable(file));
    }
  }
  return report(wanted, counts, dir);
}

async function isDecodable(image: Uint8Array): Promise<boolean> {
  await loadDecoders([image]);
  try {
    decodeImage(image);
    return true;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}

interface Label {
  readonly label: string;
  /** Whether somebody gave it, rather than the model. */
  readonly isTrue: boolean;
  readonly failed: boolean;
}

interface Counts {
  written: number;
  there: number;
  damaged: number;
}

interface Wanted {
  readonly labels: ReadonlyMap<string, Label>;
  readonly ids: Iterable<string>;
  readonly models: ReadonlySet<string>;
  readonly since: Date;
  /** Number of failed images without a true label. */
  readonly without: number;
}

async function select(args: ResultArguments): Promise<Wanted> {
  await using results = await openResults(args);
  const labels = new Map<string, Label>();
  const models = new Set<string>();
  let [since, without] = [Date.now(), 0];
  const selection = await selectionOf(args, results);
  for await (const rows of results.pages(selection, args.values.limit)) {
    for (const row of rows) {
      const label = labelOf(row);
      if (label === null) without++;
      else labels.set(row.id, label);
      if (row.model !== null) models.add(row.model);
      since = Math.min(since, Date.parse(row.at) - row.waited_ms);
    }
  }
  return { labels, ids: labels.keys(), models, since: new Date(since - MAX_CLOCK_SKEW_MS), without };
}

/** A true label that is an index is replaced by the name of the class, where that was among the most probable. */
function labelOf({ actual, label, top, status }: StoredResult): Label | null {
  if (actual === null) return label === null ? null : { label, isTrue: false, failed: false };
  const scores = Array.isArray(top) ? top : [];
  const isIndex = /^\d+$/.test(actual) && scores.some(({ label }) => !/^\d+$/.test(label));
  const named = isIndex ? scores.find(({ index }) => String(index) === actual) : undefined;
  return { label: named?.label ?? actual, isTrue: true, failed: status === "failed" };
}

function report({ labels, without }: Wanted, counts: Counts, dir: string): number {
  const { written, there, damaged } = counts;
  const gone = labels.size - written - there - damaged;
  const parts = [
    `${written.toLocaleString("en")} written to ${printable(dir)}`,
    ...there > 0 ? [`${there.toLocaleString("en")} already there`] : [],
    ...gone > 0 ? [`${gone.toLocaleString("en")} no longer on the bus`] : [],
    ...damaged > 0 ? [`${damaged.toLocaleString("en")} damaged`] : [],
    ...without > 0 ? [`${without.toLocaleString("en")} failed without a true label`] : [],
  ];
  logError(parts.join(", "));
  const predicted = [...labels.values()].filter(({ isTrue }) => !isTrue).length;
  if (predicted > 0) {
    logError(
      `${
        predicted.toLocaleString("en")
      } are in the folder of their predicted label: move those that are wrong, ` +
        "or add --labelled",
    );
  }
  return gone > 0 ? 1 : 0;
}

/** A folder per class. */
class ClassFolders {
  readonly #dir: string;
  /** Names of files in all folders; an image that was moved to another class is not written again. */
  readonly #known: ReadonlySet<string>;

  private constructor(dir: string, known: ReadonlySet<string>) {
    this.#dir = dir;
    this.#known = known;
  }

  /** @throws {UsageError} If it is a file. */
  static async open(dir: string): Promise<ClassFolders> {
    return new ClassFolders(dir, await namesIn(dir));
  }

  /** Writes a file, whole or not at all; `null` if it is there. */
  async write(label: string, id: string, image: Uint8Array): Promise<string | null> {
    const name = `${fileNameOf(id, "image")}.${formatName(image)?.toLowerCase() ?? "bin"}`;
    if (this.#known.has(name)) return null;
    const folder = join(this.#dir, folderName(label));
    const file = join(folder, name);
    const draft = join(folder, `.${name}.tmp`);
    try {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeFile(draft, image);
      await Deno.rename(draft, file);
    } catch (cause) {
      throw fileFailure("write", file, cause);
    }
    return file;
  }
}

async function entriesOf(dir: string): Promise<Deno.DirEntry[]> {
  if (await statIfAny(dir) === null) return [];
  try {
    return await Array.fromAsync(Deno.readDir(dir));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotADirectory)) throw fileFailure("read", dir, cause);
    throw new UsageError(`Cannot export: ${dir} is a file; expected a directory`, { cause });
  }
}

async function namesIn(dir: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { name, isDirectory } of await entriesOf(dir)) {
    if (!isDirectory) continue;
    for await (const entry of Deno.readDir(join(dir, name))) names.add(entry.name);
  }
  return names;
}

/** `T-shirt-top` of `T-shirt/top`; `train --extra` takes either for the label. */
function folderName(label: string): string {
  const name = printable(label).replaceAll(/[/\\:*?"<>|]+/g, "-").replace(/^\.+/, "").slice(0, 100).trim();
  return name || "-";
}
