import { gunzipSync } from "node:zlib";
import { ModelError } from "../errors.ts";
import { directoryUrl, explain, readUrl, showUrl } from "../read_url.ts";

/** Labelled images, decoded, all of one size. */
export interface DataSet {
  /** For people, e.g. `"Fashion-MNIST test"`. */
  readonly title: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples a pixel. */
  readonly channels: 1 | 3;
  /** How many images. */
  readonly count: number;
  /** `count × height × width × channels` samples, one image after the other. */
  readonly pixels: Uint8Array;
  /** The class of each image. */
  readonly labels: Uint8Array;
}

/** A data set that can be read. */
export type DataSetName = "mnist" | "fashion-mnist";

/** The part that is learnt from, or the part that is only measured on. */
export type Split = "train" | "test";

const TITLES: Record<DataSetName, string> = { "mnist": "MNIST", "fashion-mnist": "Fashion-MNIST" };
const SIZES: Record<Split, number> = { train: 60_000, test: 10_000 };
const FILES: Record<Split, string> = { train: "train", test: "t10k" };
const CLASSES = 10;
const SIDE = 28;
const MAX_FILE_BYTES = 134_217_728;

/** Magic numbers of the IDX format: unsigned bytes in three dimensions or one (yann.lecun.com/exdb/mnist). */
const IMAGES_MAGIC = 0x803;
const LABELS_MAGIC = 0x801;

/**
 * Where the data sets are.
 *
 * @param option A directory that was asked for. Else the environment variable `IMAGEBUS_DATA` is taken, else the directory
 * `data` in the working directory, else `../shared/data` beside the project.
 * @returns The first of these that exists.
 * @throws {ModelError} `not_found` if none does; `denied`.
 */
export async function findDataDirectory(option?: string | URL): Promise<URL> {
  const asked = option ?? fromEnvironment("IMAGEBUS_DATA");
  const candidates = asked === undefined || asked === ""
    ? [directoryUrl("data"), new URL("../../../shared/data/", import.meta.url)]
    : [directoryUrl(asked)];
  for (const candidate of candidates) {
    if (candidate.protocol === "file:" && await isDirectory(candidate)) return candidate;
  }
  throw new ModelError(
    "not_found",
    `There is no directory of data at ${
      candidates.map(showUrl).join(" or ")
    }; it must hold mnist/ and fashion-mnist/` +
      " with the official .gz files. Name it by --data or IMAGEBUS_DATA",
  );
}

/**
 * Reads a data set in its official form: gzipped IDX files.
 *
 * @param name Which one; also the name of its folder.
 * @param split Which part.
 * @param from The directory of all data sets; see {@linkcode findDataDirectory}.
 * @returns The images with their labels.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: not gzip, not IDX, of another size, a label out of range.
 */
export async function readDataSet(name: DataSetName, split: Split, from?: string | URL): Promise<DataSet> {
  const folder = new URL(`${name}/`, await findDataDirectory(from));
  const count = SIZES[split];
  const pixels = await readIdx(file(folder, split, "images-idx3"), IMAGES_MAGIC, [count, SIDE, SIDE]);
  const labels = await readIdx(file(folder, split, "labels-idx1"), LABELS_MAGIC, [count]);
  const wrong = labels.findIndex((label) => label >= CLASSES);
  if (wrong !== -1) {
    const message = `${showUrl(folder)}: label ${wrong} is ${labels[wrong]}; it must be from 0 to ${
      CLASSES - 1
    }`;
    throw new ModelError("damaged", message);
  }
  const title = `${TITLES[name]} ${split}`;
  return { title, width: SIDE, height: SIDE, channels: 1, count, pixels, labels };
}

/**
 * Finds the samples of one image.
 *
 * @param data Any data set.
 * @param index From 0 to `count - 1`.
 * @returns A view of that image's samples.
 */
export function imageAt(data: DataSet, index: number): Uint8Array {
  const size = data.width * data.height * data.channels;
  return data.pixels.subarray(index * size, (index + 1) * size);
}

/**
 * Takes a range of images.
 *
 * @param data Any data set.
 * @param start The first image.
 * @param end The one after the last.
 * @returns Views of the same samples.
 */
export function sliceDataSet(data: DataSet, start: number, end: number): DataSet {
  const size = data.width * data.height * data.channels;
  return {
    ...data,
    count: end - start,
    pixels: data.pixels.subarray(start * size, end * size),
    labels: data.labels.subarray(start, end),
  };
}

function file(folder: URL, split: Split, kind: string): URL {
  return new URL(`${FILES[split]}-${kind}-ubyte.gz`, folder);
}

async function readIdx(url: URL, magic: number, extents: readonly number[]): Promise<Uint8Array> {
  const bytes = unzip(await readUrl(url, MAX_FILE_BYTES), url);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected = [magic, ...extents];
  const header = expected.map((_, i) => bytes.byteLength >= 4 * i + 4 ? view.getUint32(4 * i) : undefined);
  if (header.join() !== expected.join()) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has the IDX header ${show(header)}; it must be ${show(expected)}`,
    );
  }
  const content = bytes.subarray(4 * expected.length);
  const size = extents.reduce((product, extent) => product * extent, 1);
  if (content.byteLength !== size) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} holds ${content.byteLength} bytes; its header says ${size}`,
    );
  }
  return content;
}

function unzip(bytes: Uint8Array, url: URL): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES });
  } catch (cause) {
    const message = `${showUrl(url)} can't be unzipped; it must be the official .gz file: ${
      (cause as Error).message
    }`;
    throw new ModelError("damaged", message, { cause });
  }
}

function show([magic, ...extents]: readonly (number | undefined)[]): string {
  return `0x${magic?.toString(16).padStart(8, "0") ?? "–"} ${
    extents.map((extent) => extent ?? "–").join("×")
  }`;
}

/** Without the permission to read it, it is as if it were not set. */
function fromEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

async function isDirectory(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isDirectory;
  } catch (cause) {
    const error = explain(url, cause);
    if (error.code === "not_found") return false;
    throw error;
  }
}
