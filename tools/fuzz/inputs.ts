import { findTestCases } from "../../testing/data.ts";
import { Random } from "../../training/random.ts";
import { mutate } from "./mutate.ts";
import { formatOf } from "./outline.ts";

const ROOT = new URL("../../", import.meta.url);

/** Where the images are that inputs are made of. */
const DIRECTORIES = ["tests/fixtures/images/", "models/mnist/samples/", "models/fashion-mnist/samples/"]
  .concat(["models/cifar-10/samples/"]).map((path) => new URL(path, ROOT));

const NO_IMAGE = /\.(json|py|md|sh)$/;

/** Larger files are left out: most of what mutations of them do has been done to smaller ones. */
const MAX_FILE_BYTES = 2 ** 17;

/** One input in so many is a file as it is. */
const UNCHANGED = 64;

/** Files of each format; inputs are made of each format equally often. */
export type Corpus = readonly (readonly Uint8Array[])[];

/**
 * Reads the images that inputs are made of: the test images of all formats, the samples of the shipped models, and the cases
 * beside the repository, where they are.
 *
 * @param more Directories with more images; their files are read, not those in folders inside.
 * @returns The files in a fixed order.
 */
export async function readCorpus(more: readonly URL[] = []): Promise<Corpus> {
  const cases = await findTestCases();
  const beside = cases === undefined ? [] : ["jpeg/", "jpeg-rgb/"].map((path) => new URL(path, cases));
  const files = await Promise.all([...DIRECTORIES, ...beside, ...more].map(readDirectory));
  const small = files.flat().filter(({ length }) => length > 0 && length <= MAX_FILE_BYTES);
  return [...Map.groupBy(small, formatOf).values()];
}

async function readDirectory(directory: URL): Promise<Uint8Array[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  const names = entries.filter(({ name, isFile }) => isFile && !NO_IMAGE.test(name)).map(({ name }) => name);
  return await Promise.all(
    names.sort().map((name) => Deno.readFile(new URL(encodeURIComponent(name), directory))),
  );
}

/**
 * Makes an input of a run. Each depends on the seed, its number and the corpus alone.
 *
 * @param corpus Files, at least one.
 * @param seed Of the run.
 * @param number Of the input, from 0.
 */
export function inputOf(corpus: Corpus, seed: number, number: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed, number);
  const pick = <T>(list: readonly T[]) => list[random.integer(0, list.length - 1)]!;
  const other = () => pick(pick(corpus));
  const file = other();
  return random.integer(1, UNCHANGED) === 1 ? new Uint8Array(file) : mutate(file, { random, other });
}
