/**
 * The published data sets: what they contain, and where their files are downloaded from.
 *
 * @module
 */
import type { Split } from "./data_set.ts";

/** Name of a published data set. */
export type DataSetName = "mnist" | "fashion-mnist" | "cifar-10";

/** A published file. */
export interface OfficialFile {
  /** Without a path. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** 32 lower-case hexadecimal digits. */
  readonly md5: string;
}

/** A published data set. */
export interface OfficialDataSet {
  /** Its name on the command line and in recipes. */
  readonly name: DataSetName;
  /** Its human-readable name. */
  readonly title: string;
  /** Its folder in the data directory. */
  readonly folder: string;
  /** The classes, in the order of the labels. */
  readonly classes: readonly string[];
  /** Width and height of all images, in pixels. */
  readonly side: number;
  /** Samples per pixel. */
  readonly channels: 1 | 3;
  /** Number of images. */
  readonly counts: Readonly<Record<Split, number>>;
  /** Format of the files: gzipped IDX, or records of CIFAR-10. */
  readonly format: "idx" | "cifar";
  /** The files, in the order in which they are read. */
  readonly files: Readonly<Record<Split, readonly OfficialFile[]>>;
  /** The `.tar.gz` with `folder`, if the files are not downloaded separately. */
  readonly archive?: OfficialFile;
  /** Base URLs of the files (or the archive), in the order in which they are tried. */
  readonly mirrors: readonly string[];
}

const MNIST = likeMnist({
  name: "mnist",
  title: "MNIST",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  files: [
    { name: "train-images-idx3-ubyte.gz", bytes: 9_912_422, md5: "f68b3c2dcbeaaa9fbdd348bbdeb94873" },
    { name: "train-labels-idx1-ubyte.gz", bytes: 28_881, md5: "d53e105ee54ea40749a09fcbcd1e9432" },
    { name: "t10k-images-idx3-ubyte.gz", bytes: 1_648_877, md5: "9fb629c4189551a2d022fa330f9573f3" },
    { name: "t10k-labels-idx1-ubyte.gz", bytes: 4_542, md5: "ec29112dd5afa0611ce80d1b7f02629c" },
  ],
  mirrors: [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
  ],
});

const FASHION_MNIST = likeMnist({
  name: "fashion-mnist",
  title: "Fashion-MNIST",
  classes: [
    ...["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"],
    ...["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
  ],
  files: [
    { name: "train-images-idx3-ubyte.gz", bytes: 26_421_880, md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d" },
    { name: "train-labels-idx1-ubyte.gz", bytes: 29_515, md5: "25c81989df183df01b3e8a0aad5dffbe" },
    { name: "t10k-images-idx3-ubyte.gz", bytes: 4_422_102, md5: "bef4ecab320f06d8554ea6380940ec79" },
    { name: "t10k-labels-idx1-ubyte.gz", bytes: 5_148, md5: "bb300cfdad3c16e7a12a480ee83cd310" },
  ],
  mirrors: [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
  ],
});

type LikeMnist = Pick<OfficialDataSet, "name" | "title" | "classes" | "mirrors">;

/** A data set of the form of MNIST; the files are training images and labels, test images and labels. */
function likeMnist({ files, ...set }: LikeMnist & { files: readonly OfficialFile[] }): OfficialDataSet {
  return {
    ...set,
    folder: set.name,
    side: 28,
    channels: 1,
    counts: { train: 60_000, test: 10_000 },
    format: "idx",
    files: { train: files.slice(0, 2), test: files.slice(2) },
  };
}

const CIFAR_BYTES = 30_730_000;

const CIFAR_10: OfficialDataSet = {
  name: "cifar-10",
  title: "CIFAR-10",
  folder: "cifar-10-batches-bin",
  classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
  side: 32,
  channels: 3,
  counts: { train: 50_000, test: 10_000 },
  format: "cifar",
  files: {
    train: [
      { name: "data_batch_1.bin", bytes: CIFAR_BYTES, md5: "5dd7e06a14cb22eb9f671a540d1b7c25" },
      { name: "data_batch_2.bin", bytes: CIFAR_BYTES, md5: "5ea93a67294ea407fff1d09f752e9692" },
      { name: "data_batch_3.bin", bytes: CIFAR_BYTES, md5: "942cd6a4bcdd0dd3c604fbe906cb4421" },
      { name: "data_batch_4.bin", bytes: CIFAR_BYTES, md5: "ae636b3ba5c66a11e91e8cb52e771fcb" },
      { name: "data_batch_5.bin", bytes: CIFAR_BYTES, md5: "53f37980c15c3d472c316c40844f3f0d" },
    ],
    test: [{ name: "test_batch.bin", bytes: CIFAR_BYTES, md5: "803d5f7f4d78ea53de84dbe85f74fb6d" }],
  },
  archive: {
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
  },
  mirrors: ["https://www.cs.toronto.edu/~kriz/"],
};

/** All published data sets, in the order in which they are listed. */
export const OFFICIAL_DATA_SETS: readonly OfficialDataSet[] = [FASHION_MNIST, MNIST, CIFAR_10];

/**
 * Finds a published data set by its name.
 *
 * @param name Any name.
 */
export function findOfficial(name: string): OfficialDataSet | undefined {
  return OFFICIAL_DATA_SETS.find((set) => set.name === name);
}

/**
 * Lists all files of a published data set.
 *
 * @param set Which one.
 */
export function officialFiles({ files }: OfficialDataSet): OfficialFile[] {
  return [...files.train, ...files.test];
}
