import { ModelError } from "../../models/errors.ts";
import { directoryUrl, explain, showUrl, statIfExists } from "../../models/read_url.ts";
import { readArchive } from "./archive.ts";
import { dataDirectory, isDirectory } from "./directory.ts";
import { download, type DownloadOptions } from "./download.ts";
import { inspectFile, notOfficial } from "./inspect.ts";
import { type OfficialDataSet, type OfficialFile, officialFiles } from "./official.ts";
import { md5OfFile } from "./part_file.ts";
import { storeFile } from "./store_file.ts";

/** Where to get a data set from, and where it goes. */
export interface GetOptions extends DownloadOptions {
  /** The data directory; created if it does not exist. @default {IMAGEBUS_DATA, else ./data} */
  readonly to?: string | URL;
  /** A local directory that has the files or the archive; then nothing is downloaded. */
  readonly from?: string | URL;
  /** Whether files of the right form with other content are accepted. @default {false} */
  readonly unverified?: boolean;
}

/** A file that is in its place. */
export interface GotFile {
  readonly name: string;
  /** How it got there; `present`: it was there before. */
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
 * Gets the official files of a published data set, from their servers or from a local directory, and checks
 * each. Official files that are already in place are kept. Whatever happens, a file in its place is complete.
 *
 * @param set Which one.
 * @param options From where, and to where.
 * @throws {ModelError} `not_found`: a directory or a local file; `damaged`: a file that is not the official
 * one, with both checksums; `unavailable`: no server delivers it, or the disk is full; `denied`. Or the
 * signal's reason.
 */
export async function getDataSet(set: OfficialDataSet, options: GetOptions = {}): Promise<GotDataSet> {
  const directory = dataDirectory(options.to);
  const folder = new URL(`${set.folder}/`, directory);
  const job: Job = { set, directory, options };
  const present = await findPresent(job);
  const wanted = officialFiles(set).filter(({ name }) => !present.some((file) => file.name === name));
  if (wanted.length === 0) return { folder, files: present };
  const created: URL[] = [];
  try {
    for (const url of [directory, folder]) if (await createDirectory(url)) created.unshift(url);
    const got = options.from === undefined
      ? await downloadAll(job, wanted)
      : await copyAll(job, wanted, directoryUrl(options.from));
    return { folder, files: [...present, ...got] };
  } catch (error) {
    for (const url of created) await Deno.remove(url).catch(() => {}); // Fails unless it is empty.
    throw error;
  }
}

async function findPresent({ set, directory, options }: Job): Promise<GotFile[]> {
  const present: GotFile[] = [];
  for (const file of officialFiles(set)) {
    const { state, message } = await inspectFile(set, file, directory);
    if (state === "missing") continue;
    const isAccepted = state === "official" || (state === "unofficial" && options.unverified);
    if (!isAccepted) throw new ModelError("damaged", `${message}. Remove the file to get the official one`);
    if (state === "unofficial") {
      options.onNotice?.(`${set.folder}/${file.name} is kept; it is not the official file`);
    }
    present.push({ name: file.name, came: "present", official: state === "official" });
  }
  return present;
}

async function downloadAll(job: Job, wanted: readonly OfficialFile[]): Promise<GotFile[]> {
  const { set, directory, options } = job;
  const get = (file: OfficialFile, path: string) =>
    download(file, set.mirrors.map((url) => new URL(file.name, url)), new URL(path, directory), options);
  if (set.archive === undefined) {
    for (const file of wanted) await get(file, `${set.folder}/${file.name}`);
    return wanted.map(({ name }) => ({ name, came: "downloaded", official: true }));
  }
  const archive = new URL(set.archive.name, directory);
  const isThere = (await statIfExists(archive))?.isFile && await md5OfFile(archive) === set.archive.md5;
  if (!isThere) await get(set.archive, set.archive.name);
  const files = await unpackAll(job, wanted, archive);
  await Deno.remove(archive);
  return files.map((file) => ({ ...file, came: "downloaded" }));
}

async function copyAll(job: Job, wanted: readonly OfficialFile[], from: URL): Promise<GotFile[]> {
  const { set, options } = job;
  if (!await isDirectory(from)) {
    throw new ModelError("not_found", `Cannot copy files from ${showUrl(from)}: it is not a directory`);
  }
  const find = async (...paths: string[]) => {
    const urls = paths.map((path) => new URL(path, from));
    for (const url of urls) if ((await statIfExists(url))?.isFile) return url;
  };
  const found: [OfficialFile, URL | undefined][] = [];
  for (const file of wanted) found.push([file, await find(file.name, `${set.folder}/${file.name}`)]);
  const missing = found.filter(([, url]) => url === undefined).map(([{ name }]) => name);
  if (missing.length === 0) {
    const got: GotFile[] = [];
    for (const [file, url] of found) got.push(await store(job, file, showUrl(url!), await open(url!)));
    return got;
  }
  const archive = set.archive && await find(set.archive.name);
  if (set.archive === undefined || archive === undefined) {
    const names = [...missing, ...set.archive === undefined ? [] : [`nor ${set.archive.name}`]].join(", ");
    throw new ModelError("not_found", `${showUrl(from)} has no ${names} (there or in ${set.folder}/)`);
  }
  const md5 = await md5OfFile(archive);
  if (md5 === set.archive.md5 || options.unverified) return await unpackAll(job, wanted, archive);
  throw new ModelError("damaged", notOfficial(showUrl(archive), md5, set.archive));
}

async function unpackAll(job: Job, wanted: readonly OfficialFile[], archive: URL): Promise<GotFile[]> {
  const got: GotFile[] = [];
  for await (const { path, content } of readArchive(archive)) {
    const file = wanted.find(({ name }) => path === `${job.set.folder}/${name}`);
    if (file !== undefined) got.push(await store(job, file, `${path} in ${showUrl(archive)}`, content));
  }
  const missing = wanted.find(({ name }) => !got.some((file) => file.name === name));
  if (missing === undefined) return got;
  throw new ModelError("damaged", `${showUrl(archive)} does not contain ${job.set.folder}/${missing.name}`);
}

async function store(
  { set, directory, options }: Job,
  file: OfficialFile,
  place: string,
  content: ReadableStream<Uint8Array>,
): Promise<GotFile> {
  options.signal?.throwIfAborted();
  const target = new URL(`${set.folder}/${file.name}`, directory);
  const unverified = options.unverified === true;
  const official = await storeFile({ set, file, place, content, target, unverified });
  options.onProgress?.(file, file.bytes);
  if (!official) options.onNotice?.(`${place} is accepted unverified; it is not the official file`);
  return { name: file.name, came: "copied", official };
}

/** Not recursive: a mistyped path is refused. */
async function createDirectory(url: URL): Promise<boolean> {
  try {
    await Deno.mkdir(url);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists && await isDirectory(url)) return false;
    throw explain(url, cause, "create");
  }
}

async function open(url: URL): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(url).catch((cause) => {
    throw explain(url, cause);
  });
  return file.readable;
}
