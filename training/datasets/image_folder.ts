import { ImageError, ModelError } from "../../models/errors.ts";
import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import type { Pixels } from "../../models/image/format.ts";
import { readUrl, showUrl } from "../../models/read_url.ts";
import { type BadFile, badFilesError, describeBadFiles } from "./bad_files.ts";
import { type DataSet, type ImageForm, labelArray, type OnRead, type Split } from "./data_set.ts";
import { type ListedImage, listImageFolder } from "./folder_listing.ts";
import { FormWriter } from "./form.ts";

/** What the images of a folder are converted to; whatever is missing must be the same in all of them. */
export interface FolderForm {
  /** In pixels, 1 to 4,096; requires `height`. */
  readonly width?: number;
  /** In pixels, 1 to 4,096; requires `width`. */
  readonly height?: number;
  /** Samples per pixel: 1 grey, 3 RGB. */
  readonly channels?: 1 | 3;
  /** Whether files that cannot be read as images are left out. @default {false} */
  readonly skipBad?: boolean;
}

/** Maximum width and height of converted images, in pixels. */
export const MAX_SIDE = 4_096;
/** Maximum size of an image file. */
export const MAX_FILE_BYTES = 67_108_864;
const MAX_SAMPLES = 2 ** 31;
/** Of a folder, in titles: manifests have short ones. */
const MAX_NAME = 100;

/**
 * Reads training or test images from an image folder. Its layout is described at {@linkcode listImageFolder}.
 *
 * @param folder The folder.
 * @param split Training or test.
 * @param form What the images are converted to. Without it all must have the same size, and all be grey or all in
 * colour.
 * @param onRead Called after each file.
 * @returns The images (transparency over black) with the names of the class folders as classes, in a fixed order
 * that mixes the classes.
 * @throws {ModelError} `invalid`: the layout, mixed forms, an invalid form, more than 2,147,483,648 samples;
 * `damaged`: files that are not images, of both parts, each with the reason; `not_found`; `denied`.
 */
export async function readImageFolder(
  folder: URL,
  split: Split,
  form: FolderForm = {},
  onRead?: OnRead,
): Promise<DataSet> {
  const { skipBad = false, ...wanted } = form;
  checkForm(wanted);
  const { classes, images } = await listImageFolder(folder);
  const listed = images[split];
  // A training image also when test images are read: both must have the same form.
  const first = await firstReadable(images.train, folder);
  const common = { ...formOf(first.pixels), ...wanted };
  const pixels = allocate(common, listed.length, folder);
  const labels = labelArray(listed.length, classes.length);
  const writer = new FormWriter(common);
  const size = common.width * common.height * common.channels;
  const bad: BadFile[] = [];
  let count = 0;
  for (const [i, { url, label }] of listed.entries()) {
    const image = await readImage(url);
    onRead?.(i + 1, listed.length);
    if ("reason" in image) {
      bad.push(image);
      continue;
    }
    checkSame(image, url, common, wanted, first);
    writer.write(image, pixels.subarray(count * size, (count + 1) * size));
    labels[count++] = label;
  }
  if (bad.length > 0 && !skipBad) {
    throw badFilesError([...bad, ...await badFilesOf(images[split === "train" ? "test" : "train"])], folder);
  }
  const name = decodeURIComponent(folder.pathname.split("/").at(-2) ?? "");
  const title = `${name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name} ${split}`;
  const read = {
    title,
    ...common,
    count,
    pixels: pixels.subarray(0, count * size),
    labels: labels.subarray(0, count),
    classes,
  };
  checkClasses(read, folder, split);
  return bad.length > 0 ? { ...read, leftOut: describeBadFiles(bad, folder) } : read;
}

/** The image whose form all must have. */
async function firstReadable(listed: readonly ListedImage[], folder: URL): Promise<Readable> {
  const bad: BadFile[] = [];
  for (const { url } of listed) {
    const pixels = await readImage(url);
    if (!("reason" in pixels)) return { url, pixels };
    bad.push(pixels);
  }
  throw badFilesError(bad, folder);
}

async function badFilesOf(listed: readonly ListedImage[]): Promise<BadFile[]> {
  const bad: BadFile[] = [];
  for (const { url } of listed) {
    const image = await readImage(url);
    if ("reason" in image) bad.push(image);
  }
  return bad;
}

/** Only files that were left out can leave a class without images. */
function checkClasses({ classes, labels }: DataSet, folder: URL, split: Split): void {
  const found = new Set<number>(labels);
  const missing = classes.find((_, label) => !found.has(label));
  if (missing === undefined) return;
  throw new ModelError(
    "invalid",
    `The class "${missing}" in ${
      showUrl(folder)
    } has no ${split} image that can be read; add some or remove it`,
  );
}

function checkForm({ width, height, channels }: FolderForm): void {
  const isSide = (side = 1) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE;
  if ((width === undefined) !== (height === undefined) || !isSide(width) || !isSide(height)) {
    throw new ModelError(
      "invalid",
      `Cannot convert images to ${width} × ${height}: width and height must be integers from 1 to ${MAX_SIDE}`,
    );
  }
  if (channels !== undefined && channels !== 1 && channels !== 3) {
    throw new ModelError(
      "invalid",
      `Cannot convert images to ${channels} channels; expected 1 (grey) or 3 (RGB)`,
    );
  }
}

/** An image that was read. */
interface Readable {
  readonly url: URL;
  readonly pixels: Pixels;
}

/** What a folder lists can be missing only so. */
const MISSING = "It is a link to a file that does not exist, or its name is not valid UTF-8";

async function readImage(url: URL): Promise<Pixels | BadFile> {
  try {
    const bytes = await readUrl(url, MAX_FILE_BYTES);
    await loadDecoders([bytes]);
    return decodeImage(bytes);
  } catch (error) {
    if (error instanceof ImageError) return { url, reason: error.message };
    if (!(error instanceof ModelError)) throw error;
    if (error.code === "damaged") return { url, reason: error.message };
    if (error.code === "not_found") return { url, reason: MISSING };
    throw error;
  }
}

function formOf({ width, height, channels }: Pixels): ImageForm {
  return { width, height, channels: channels === 1 ? 1 : 3 };
}

function checkSame(image: Pixels, url: URL, common: ImageForm, wanted: FolderForm, first: Readable): void {
  const { width, height, channels } = formOf(image);
  const compare = (one: string, other: string, advice: string) =>
    new ModelError("invalid", `${showUrl(first.url)} is ${one}, but ${showUrl(url)} is ${other}; ${advice}`);
  if (wanted.width === undefined && (width !== common.width || height !== common.height)) {
    const advice = "all images must have the same size, or be converted with --size, e.g. --size 32x32";
    throw compare(`${common.width}×${common.height}`, `${width}×${height}`, advice);
  }
  if (wanted.channels === undefined && channels !== common.channels) {
    const advice =
      "all images must be grey or all in colour, or be converted with --channels 1 (grey) or --channels 3 (RGB)";
    throw compare(kind(common.channels), kind(channels), advice);
  }
}

function kind(channels: 1 | 3): string {
  return channels === 1 ? "grey" : "in colour";
}

function allocate({ width, height, channels }: ImageForm, count: number, folder: URL): Uint8Array {
  const samples = count * width * height * channels;
  if (samples <= MAX_SAMPLES) return new Uint8Array(samples);
  throw new ModelError(
    "invalid",
    `${showUrl(folder)} has ${count} images of ${width}×${height}×${channels} = ${samples} samples; at most` +
      ` ${MAX_SAMPLES} are read. Convert the images to a smaller size, e.g. with --size 64x64`,
  );
}
