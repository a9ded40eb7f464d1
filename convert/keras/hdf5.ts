/**
 * Reads and writes HDF5 files in memory, as far as Keras uses the format. No permission is needed.
 *
 * @module
 */
import { messageOf } from "../../lib/coded_error.ts";
import * as h5 from "npm:h5wasm@0.10.3";
import { ModelError } from "../../models/errors.ts";
import { MAX_PARAMETERS, type Tensor } from "./tensor.ts";
import { invalid } from "./invalid.ts";

/** Start of every HDF5 file (HDF5 File Format Specification 3.0, section II.A). */
const SIGNATURE = "\x89HDF\r\n\x1a\n";

/** An HDF5 file that is open for reading. */
export class Hdf5Reader implements Disposable {
  readonly #file: h5.File;
  readonly #path: string;
  readonly #where: string;

  private constructor(file: h5.File, path: string, where: string) {
    this.#file = file;
    this.#path = path;
    this.#where = where;
  }

  /**
   * Opens a file.
   *
   * @param bytes Its content.
   * @param where The file, for messages.
   * @returns The reader; the caller disposes of it.
   * @throws {ModelError} `invalid` if it is not an HDF5 file, or a damaged one.
   */
  static async open(bytes: Uint8Array, where: string): Promise<Hdf5Reader> {
    if (!isHdf5(bytes)) {
      throw invalid(`${where} is not an HDF5 file; expected a model that Keras saved`);
    }
    const { FS } = await start();
    const path = newPath();
    FS.writeFile(path, bytes);
    try {
      return new Hdf5Reader(new h5.File(path, "r"), path, where);
    } catch (cause) {
      FS.unlink(path);
      throw damaged(where, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
    h5.FS!.unlink(this.#path);
  }

  /** The names in a group; empty if the group does not exist. */
  names(group: string): string[] {
    return this.#read(() => this.#group(group)?.keys() ?? []);
  }

  /** A string attribute of a group; undefined if it does not exist. */
  text(group: string, attribute: string): string | undefined {
    const value = this.#attribute(group, attribute);
    return typeof value === "string" ? value : undefined;
  }

  /** A list of strings as an attribute of a group; Keras splits long ones into `name0`, `name1`, … */
  texts(group: string, attribute: string): string[] {
    const list = this.#attribute(group, attribute);
    if (list !== undefined) return toTexts(list);
    const texts: string[] = [];
    for (let i = 0;; i++) {
      const part = this.#attribute(group, `${attribute}${i}`);
      if (part === undefined) return texts;
      texts.push(...toTexts(part));
    }
  }

  /**
   * Reads numbers.
   *
   * @param path Of a data set.
   * @returns Its numbers, as 32-bit floats.
   * @throws {ModelError} `invalid` if it does not exist, or does not contain numbers, or too many.
   */
  tensor(path: string): Tensor {
    const set = this.#read(() => this.#file.get(path));
    const name = `${this.#where}: ${path}`;
    if (!(set instanceof h5.Dataset)) {
      throw invalid(`${name} does not exist; the file is damaged`);
    }
    const shape = set.shape ?? [];
    const count = shape.reduce((product, extent) => product * extent, 1);
    if (count > MAX_PARAMETERS) {
      throw invalid(`${name} has ${count} numbers; the maximum is ${MAX_PARAMETERS}`);
    }
    const value = this.#read(() => set.value);
    return { shape, data: toFloat32(value, name) };
  }

  #attribute(group: string, attribute: string): unknown {
    return this.#read(() => this.#group(group)?.attrs[attribute]?.value ?? undefined);
  }

  #group(path: string): h5.Group | undefined {
    const found = path === "" ? this.#file : this.#read(() => this.#file.get(path));
    return found instanceof h5.Group ? found : undefined;
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw damaged(this.#where, cause);
    }
  }
}

/** A group to write. */
export interface Hdf5Group {
  /** Strings, and lists of at least one string. */
  readonly attributes: Readonly<Record<string, string | readonly string[]>>;
  /** Groups by their names. */
  readonly groups?: Readonly<Record<string, Hdf5Group>>;
  /** Data sets by their paths in the group. */
  readonly tensors?: Readonly<Record<string, Tensor>>;
}

/**
 * Writes a file.
 *
 * @param root Its content.
 * @returns The bytes of the file.
 */
export async function writeHdf5(root: Hdf5Group): Promise<Uint8Array<ArrayBuffer>> {
  const { FS } = await start();
  const path = newPath();
  const file = new h5.File(path, "w");
  try {
    writeGroup(file, root);
  } finally {
    file.close();
  }
  const bytes = FS.readFile(path) as Uint8Array<ArrayBuffer>;
  FS.unlink(path);
  return bytes;
}

/**
 * Whether a file starts as HDF5 files do.
 *
 * @param bytes Its content.
 */
export function isHdf5(bytes: Uint8Array): boolean {
  return [...SIGNATURE].every((character, i) => bytes[i] === character.charCodeAt(0));
}

function writeGroup(target: h5.Group, { attributes, groups = {}, tensors = {} }: Hdf5Group): void {
  for (const [name, value] of Object.entries(attributes)) {
    target.create_attribute(name, typeof value === "string" ? value : [...value]);
  }
  for (const [path, { shape, data }] of Object.entries(tensors)) {
    const folders = path.split("/");
    const name = folders.pop()!;
    const folder = folders.reduce(childOf, target);
    folder.create_dataset({ name, data, shape: [...shape] });
  }
  for (const [name, group] of Object.entries(groups)) writeGroup(target.create_group(name), group);
}

function childOf(group: h5.Group, name: string): h5.Group {
  const found = group.get(name);
  return found instanceof h5.Group ? found : group.create_group(name);
}

/** Without the throwing error handler the library prints errors on standard error. */
async function start(): Promise<{ FS: NonNullable<typeof h5.FS> }> {
  const module = await h5.ready;
  module.activate_throwing_error_handler();
  return module;
}

let files = 0;

function newPath(): string {
  return `/${files++}.h5`;
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}

function toFloat32(value: unknown, name: string): Float32Array {
  if (value instanceof Float32Array) return value;
  if (typeof value === "number" || typeof value === "bigint") return Float32Array.of(Number(value));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Float32Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  }
  throw invalid(`${name} does not contain numbers of 32 or 64 bits`);
}

function damaged(where: string, cause: unknown): ModelError {
  const [reason] = (messageOf(cause)).split("\n");
  return invalid(`${where} is damaged: ${reason}`, { cause });
}
