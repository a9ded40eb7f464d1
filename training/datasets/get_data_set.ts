import { ModelError } from "../../models/errors.ts";
import { directoryUrl, explain, showUrl } from "../../models/read_url.ts";
import { readArchive } from "./archive.ts";
import { dataDirectory, isDirectory } from "./directory.ts";
import { download, type DownloadOptions } from "./download.ts";
import { inspectFile } from "./inspect.ts";
import { type OfficialDataSet, type OfficialFile, officialFiles } from "./official.ts";
import { md5OfFile } from "./part_file.ts";
import { notOfficial, type Source, storeFile } from "./store_file.ts";

/** Where to get a data set from, and where it goes. */
export interface GetOptions extends DownloadOptions {
  /** The directory of all data sets; made if it is not there. @default {IMAGEBUS_DATA, else ./data} */
  readonly to?: string | URL;
  /** A directory with the files, or the archive, at hand: nothing is downloaded. */
  readonly from?: string | URL;
  /** Whether files of the right form are taken that are not the official ones. @default {false} */
  readonly unverified?: boolean;
}

/** A file that is in its place. */
export interface GotFile {
  /** Its name. */
  readonly name: string;
  /** How it came there; `present`: it was there before. */
  readonly came: "present" | "copied" | "downloaded";
  /** Whether its content is the official one. */
  readonly official: boolean;
}

/** A data set that is complete. */
export interface GotDataSet {
  /** Where it is. */
  readonly folder: URL;
  /** All its files. */
  readonly files: readonly GotFile[];
}

/** What the steps of one call share. */
interface Job {
  readonly set: OfficialDataSet;
  readonly directory: URL;
  readonly options: GetOptions;
}

/**
 * Gets a published data set: its official files, from their servers or from a directory at hand, each checked. What is
 * there and official is left alone. Whatever happens, a file that has its name is whole.
 *
 * @param set Which one.
 * @param options From where, and where to.
 * @returns What is there now.
 * @throws {ModelError} `not_found`: a directory or a file at hand; `damaged`: a file that is not the official one, with
 * both checksums; `unavailable`: no server gives it, or the disk is full; `denied`. Or the signal's reason.
 */
export async function getDataSet(set: OfficialDataSet, options: GetOptions = {}): Promise<GotDataSet> {
  const directory = dataDirectory(options.to);
  const folder = new URL(`${set.folder}/`, directory);
  const job: Job = { set, directory, options };
  const present = await findPresent(job);
  const wanted = officialFiles(set).filter(({ name }) => !present.some((file) => file.name === name));
  if (wanted.length === 0) return { folder, files: present };
  const made: URL[] = [];
  try {
    for (const url of [directory, folder]) if (await makeDirectory(url)) made.unshift(url);
    const got = options.from === undefined
      ? await downloadAll(job, wanted)
      : await copyAll(job, wanted, options.from);
    return { folder, files: [...present, ...got] };
  } catch (error) {
    for (const url of made) await Deno.remove(url).catch(() => {}); // It fails where something is in them.
    throw error;
  }
}

async function findPresent({ set, directory, options }: Job): Promise<GotFile[]> {
  const present: GotFile[] = [];
  for (const file of officialFiles(set)) {
    const { state, url, message = "" } = await inspectFile(set, file, directory);
    if (state === "missing") continue;
    const accepted = state === "official" || (state === "unofficial" && options.unverified === true);
    if (!accepted) throw new ModelError("damaged", `${message}. Remove it to get the official one`);
    if (state === "unofficial") {
      options.onNotice?.(`${showUrl(url)} is not the official file; it is left as it is`);
    }
    present.push({ name: file.name, came: "present", official: state === "official" });
  }
  return present;
}

async function downloadAll(job: Job, wanted: readonly OfficialFile[]): Promise<GotFile[]> {
  const { set, directory, options } = job;
  const urls = ({ name }: OfficialFile) => set.mirrors.map((mirror) => new URL(name, mirror));
  if (set.archive === undefined) {
    for (const file of wanted) {
      await download(file, urls(file), new URL(`${set.folder}/${file.name}`, directory), options);
    }
    return wanted.map(({ name }) => ({ name, came: "downloaded", official: true }));
  }
  const archive = new URL(set.archive.name, directory);
  const isThere = await md5OfFile(archive).then(({ md5 }) => md5 === set.archive?.md5, () => false);
  if (!isThere) await download(set.archive, urls(set.archive), archive, options);
  const files = await unpackAll(job, wanted, archive);
  await Deno.remove(archive);
  return files.map((file) => ({ ...file, came: "downloaded" }));
}

async function copyAll(job: Job, wanted: readonly OfficialFile[], place: string | URL): Promise<GotFile[]> {
  const from = directoryUrl(place);
  if (!await isDirectory(from)) {
    throw new ModelError("not_found", `${showUrl(from)} is not a directory of files at hand`);
  }
  const { set } = job;
  const found = await Promise.all(
    wanted.map(async (file) => ({
      file,
      url: await firstFile(from, [file.name, `${set.folder}/${file.name}`]),
    })),
  );
  const missing = found.filter(({ url }) => url === undefined).map(({ file }) => file);
  const archive = set.archive && missing.length > 0 ? await firstFile(from, [set.archive.name]) : undefined;
  if (missing.length > 0 && archive === undefined) throw missingAtHand(from, set, missing);
  const got: GotFile[] = [];
  for (const { file, url } of found) {
    if (url !== undefined) got.push(await store(job, file, { name: showUrl(url), content: await open(url) }));
  }
  if (archive === undefined) return got;
  await checkArchive(job, archive);
  return [...got, ...await unpackAll(job, missing, archive)];
}

function missingAtHand(from: URL, set: OfficialDataSet, missing: readonly OfficialFile[]): ModelError {
  const names = missing.map(({ name }) => name).join(", ");
  const or = set.archive === undefined ? "" : `, nor ${set.archive.name}`;
  return new ModelError("not_found", `${showUrl(from)} has no ${names}${or} (there or in ${set.folder}/)`);
}

async function checkArchive({ set, options }: Job, archive: URL): Promise<void> {
  const { md5 } = await md5OfFile(archive);
  if (set.archive === undefined || md5 === set.archive.md5 || options.unverified) return;
  throw notOfficial(showUrl(archive), md5, set.archive);
}

async function unpackAll(job: Job, wanted: readonly OfficialFile[], archive: URL): Promise<GotFile[]> {
  const got: GotFile[] = [];
  for await (const { path, content } of readArchive(archive)) {
    const file = wanted.find(({ name }) => path === `${job.set.folder}/${name}`);
    if (file === undefined) continue;
    got.push(await store(job, file, { name: `${path} in ${showUrl(archive)}`, content }));
  }
  const missing = wanted.find(({ name }) => !got.some((file) => file.name === name));
  if (missing === undefined) return got;
  throw new ModelError("damaged", `${showUrl(archive)} does not hold ${job.set.folder}/${missing.name}`);
}

async function store({ set, directory, options }: Job, file: OfficialFile, source: Source): Promise<GotFile> {
  options.signal?.throwIfAborted();
  const target = new URL(`${set.folder}/${file.name}`, directory);
  const official = await storeFile(source, { set, file, target, unverified: options.unverified === true });
  options.onProgress?.(file, file.bytes);
  if (!official) options.onNotice?.(`${source.name} is not the official file; it is taken unverified`);
  return { name: file.name, came: "copied", official };
}

/** Its parent must be there: a path that was mistyped is not made up. */
async function makeDirectory(url: URL): Promise<boolean> {
  try {
    await Deno.mkdir(url);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists && await isDirectory(url)) return false;
    if (cause instanceof Deno.errors.NotFound) {
      const parent = showUrl(new URL("..", url));
      throw new ModelError("not_found", `${showUrl(url)} can't be made: there is no directory ${parent}`, {
        cause,
      });
    }
    throw explain(url, cause, "create");
  }
}

async function firstFile(from: URL, names: readonly string[]): Promise<URL | undefined> {
  for (const name of names) {
    const url = new URL(name, from);
    try {
      if ((await Deno.stat(url)).isFile) return url;
    } catch (cause) {
      const error = explain(url, cause);
      if (error.code !== "not_found") throw error;
    }
  }
  return undefined;
}

async function open(url: URL): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(url)).readable;
  } catch (cause) {
    throw explain(url, cause);
  }
}
