import { createHash } from "node:crypto";
import { ifFound } from "../../lib/if_found.ts";
import { ModelError } from "../../models/errors.ts";
import { explain, showUrl } from "../../models/read_url.ts";
import type { Split } from "./data_set.ts";

/** An image of a folder that has not been read yet. */
export interface ListedImage {
  readonly url: URL;
  /** Its class, as an index into the classes. */
  readonly label: number;
}

/** Content of an image folder, by the names of its files. */
export interface FolderListing {
  /** Names of the class folders, sorted. */
  readonly classes: readonly string[];
  /** The images of each part, in a fixed order that mixes the classes. */
  readonly images: Readonly<Record<Split, readonly ListedImage[]>>;
}

/** An image with the key that it is sorted by. */
interface Entry extends ListedImage {
  readonly key: string;
}

/** Names in a folder, sorted. */
export interface FolderContent {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

const MAX_CLASSES = 1_000;
const MAX_IMAGES = 1_000_000;

/** One in so many images is a test image, if the folder has no test images of its own. */
const TEST_SHARE = 5;

/** Names of the folders of the parts, in any case; the first that exists is used. */
const TRAIN_FOLDERS = ["train", "training", "train_set", "training_set", "seg_train"];
const TEST_FOLDERS = [
  "test",
  "testing",
  "test_set",
  "testing_set",
  "seg_test",
  "val",
  "valid",
  "validation",
  "val_set",
  "validation_set",
];

/** Of the name of a class, in characters: as for the labels of a manifest. */
const MAX_CLASS_NAME = 200;

const BROKEN_LINK = { isDirectory: false, isFile: true };

/** Files that file managers create and do not hide. */
const IGNORED: ReadonlySet<string> = new Set(["Thumbs.db", "desktop.ini"]);

/**
 * Lists an image folder: one folder per class, or `train/` and `test/` with one folder per class in each.
 *
 * Without `train/`, a fifth of each class is used as test images: the first ones of the class (at least one)
 * when they are sorted by the MD5 of their file names, so that the same files are always split in the same
 * way. Without `test/`, the test images are those in `val/`, `valid/` or `validation/`. The parts may be called as in
 * `Training/`, `training_set/` or `seg_train/`, too. Hidden files are ignored, and so are files beside the class folders.
 *
 * @param folder The folder.
 * @returns Its classes in alphabetical order (of UTF-16 code units), and its images.
 * @throws {ModelError} `invalid`: no class folders, a single class or more than 1,000, a name that cannot be a label, a class
 * without images, a folder in a class folder, different classes for training and test, more than 1,000,000 images;
 * `not_found`; `denied`.
 */
export async function listImageFolder(folder: URL): Promise<FolderListing> {
  const { folders } = await look(folder);
  const part = (names: readonly string[]) =>
    names.flatMap((name) => folders.filter((folder) => folder.toLowerCase() === name))[0];
  const training = part(TRAIN_FOLDERS);
  if (training === undefined) return await listAndSplit(folder);
  const train = child(folder, training);
  // A class may be called "train": then there are images in that folder, not folders.
  if ((await look(train)).folders.length === 0) return await listAndSplit(folder);
  const test = part(TEST_FOLDERS);
  if (test !== undefined) return await listParts(train, child(folder, test));
  throw new ModelError(
    "invalid",
    `${
      showUrl(folder)
    } has ${training}/ but no test/ (nor val/, valid/, validation/) beside it; add one, or move` +
      " the class folders directly into the folder, then a fifth of each class is used as test images",
  );
}

async function listAndSplit(folder: URL): Promise<FolderListing> {
  const classes = await classesOf(folder);
  const train: Entry[] = [];
  const test: Entry[] = [];
  for (const [label, name] of classes.entries()) {
    const entries = (await imagesOf(child(folder, name), label, train.length + test.length)).sort(byKey);
    if (entries.length < 2) {
      throw new ModelError(
        "invalid",
        `The class folder ${
          showUrl(child(folder, name))
        } has 1 image; it must have at least 2, one of them for the test`,
      );
    }
    const tests = Math.max(1, Math.round(entries.length / TEST_SHARE));
    test.push(...entries.slice(0, tests));
    train.push(...entries.slice(tests));
  }
  return { classes, images: { train: train.sort(byKey), test: test.sort(byKey) } };
}

async function listParts(trainFolder: URL, testFolder: URL): Promise<FolderListing> {
  const classes = await classesOf(trainFolder);
  const others = await classesOf(testFolder);
  checkSame(classes, others, testFolder);
  checkSame(others, classes, trainFolder);
  const train: Entry[] = [];
  const test: Entry[] = [];
  for (const [label, name] of classes.entries()) {
    train.push(...await imagesOf(child(trainFolder, name), label, train.length + test.length));
    test.push(...await imagesOf(child(testFolder, name), label, train.length + test.length));
  }
  return { classes, images: { train: train.sort(byKey), test: test.sort(byKey) } };
}

async function classesOf(folder: URL): Promise<readonly string[]> {
  const { folders, files } = await look(folder);
  const count = folders.length;
  const unusable = folders.find((name) => name.trim() === "" || name.length > MAX_CLASS_NAME);
  if (unusable !== undefined) {
    throw new ModelError(
      "invalid",
      `${
        showUrl(folder)
      } has the class folder "${unusable}": the name of a class must have 1 to ${MAX_CLASS_NAME} ` +
        "characters, not only spaces; rename it",
    );
  }
  if (count > 1 && count <= MAX_CLASSES) return folders;
  const what = count > 1
    ? `has ${count} class folders; at most ${MAX_CLASSES} are read`
    : count === 1
    ? `has a single class, "${folders[0]}"; it must have at least 2, each a folder of images`
    : `has no class folders${
      files.length > 0 ? `, but files such as ${files[0]}` : ""
    }; it must have one folder per` +
      " class with the images of that class";
  throw new ModelError("invalid", `${showUrl(folder)} ${what}`);
}

function checkSame(classes: readonly string[], others: readonly string[], folder: URL): void {
  const missing = classes.find((name) => !others.includes(name));
  if (missing === undefined) return;
  throw new ModelError(
    "invalid",
    `${showUrl(folder)} has no class folder "${missing}"; training and test must have the same classes`,
  );
}

async function imagesOf(folder: URL, label: number, before: number): Promise<Entry[]> {
  const { folders, files } = await look(folder);
  if (folders.length > 0) {
    const inner = showUrl(child(folder, folders[0]!));
    throw new ModelError(
      "invalid",
      `${inner} is a folder in a class folder; images must be directly in class folders`,
    );
  }
  if (files.length === 0) {
    throw new ModelError(
      "invalid",
      `The class folder ${showUrl(folder)} has no images; add some or remove it`,
    );
  }
  if (before + files.length > MAX_IMAGES) throw tooMany(folder);
  return files.map((name) => {
    return { url: new URL(encodeURIComponent(name), folder), label, key: keyOf(name) };
  });
}

/**
 * Reads the names in a folder, without hidden files and those that file managers create. Symbolic links are followed. Pipes,
 * sockets and devices are left out: reading one could wait for ever.
 *
 * @param folder Its URL, with a slash at the end.
 * @returns Its folders and files, each sorted.
 * @throws {ModelError} `invalid`: more than 1,000,000 files; `not_found`; `denied`.
 */
export async function look(folder: URL): Promise<FolderContent> {
  const folders: string[] = [];
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.name.startsWith(".") || IGNORED.has(entry.name)) continue;
      // A broken link is a file: it is reported as one that cannot be read.
      const { isDirectory, isFile } = entry.isSymlink
        ? await ifFound(Deno.stat(new URL(encodeURIComponent(entry.name), folder))) ?? BROKEN_LINK
        : entry;
      if (isDirectory) folders.push(entry.name);
      else if (isFile) files.push(entry.name);
      if (files.length > MAX_IMAGES) throw tooMany(folder);
    }
  } catch (cause) {
    throw explain(folder, cause);
  }
  return { folders: folders.sort(), files: files.sort() };
}

function tooMany(folder: URL): ModelError {
  return new ModelError(
    "invalid",
    `There are more than ${MAX_IMAGES} images up to ${showUrl(folder)}; at most ${MAX_IMAGES} are read`,
  );
}

/**
 * @param folder Its URL, with a slash at the end.
 * @param name Of a folder in it.
 * @returns Its URL, with a slash at the end.
 */
export function child(folder: URL, name: string): URL {
  return new URL(`${encodeURIComponent(name)}/`, folder);
}

function keyOf(name: string): string {
  return createHash("md5").update(name).digest("hex");
}

/** Files of the same name in several classes stay in the order of the classes. */
function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.label - b.label;
}
