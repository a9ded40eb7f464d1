import { crc32 } from "node:zlib";
import { unzipSync } from "npm:fflate@0.8.3";
import { Hdf5Reader } from "./hdf5.ts";
import { parseJson } from "../../models/parse_json.ts";
import type { KerasSource } from "./source.ts";
import { MAX_FILE_BYTES, type Tensor } from "./tensor.ts";
import { invalid } from "./invalid.ts";

const CONFIG = "config.json";
const METADATA = "metadata.json";
const WEIGHTS = "model.weights.h5";
const END_OF_DIRECTORY = 0x06054b50;
const WANTED: readonly string[] = [CONFIG, METADATA, WEIGHTS];

/**
 * Opens a file of `model.save("….keras")`: a ZIP archive with the architecture in `config.json` and the
 * weights in `model.weights.h5`, with one group per layer.
 *
 * @param bytes Content of the file.
 * @param where The file, for messages.
 * @returns The model; the caller disposes of it.
 * @throws {ModelError} `invalid` if it is something else.
 */
export async function readArchive(bytes: Uint8Array, where: string): Promise<KerasSource> {
  const files = unzip(bytes, where);
  const json = (name: string) => parseJson(fileOf(files, name, where), `${where}: ${name}`);
  const architecture = json(CONFIG);
  const { keras_version = "3" } = json(METADATA) as { keras_version?: unknown };
  const reader = await Hdf5Reader.open(fileOf(files, WEIGHTS, where), `${where}: ${WEIGHTS}`);
  return {
    where,
    format: `archive of Keras ${keras_version}`,
    architecture,
    weights: (path) => weightsOf(reader, architecture, path),
    [Symbol.dispose]: () => reader[Symbol.dispose](),
  };
}

/**
 * Whether a file starts as ZIP archives do.
 *
 * @param bytes Its content.
 */
export function isArchive(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

function unzip(bytes: Uint8Array, where: string): Record<string, Uint8Array> {
  let unpacked = 0;
  const filter = ({ name, originalSize }: { name: string; originalSize: number }) => {
    if (!WANTED.includes(name)) return false;
    unpacked += originalSize;
    return unpacked <= MAX_FILE_BYTES;
  };
  try {
    const files = unzipSync(bytes, { filter });
    const sums = checksums(bytes);
    const damaged = Object.keys(files).find((name) => crc32(files[name]!) !== sums.get(name));
    if (damaged === undefined) return files;
    throw new Error(`the checksum of ${damaged} is wrong`);
  } catch (cause) {
    const message = `${where} is not a valid ZIP archive: ${(cause as Error).message}`;
    throw invalid(message, { cause });
  }
}

/** The CRC-32 of each file, from the central directory (APPNOTE.TXT, 4.3.12); fflate does not compare them. */
function checksums(bytes: Uint8Array): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sums = new Map<string, number>();
  let end = bytes.byteLength - 22;
  while (view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    sums.set(
      new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name!)),
      view.getUint32(at + 16, true),
    );
    at += 46 + name! + extra! + comment!;
  }
  return sums;
}

function fileOf(files: Record<string, Uint8Array>, name: string, where: string): Uint8Array {
  const file = files[name];
  if (file !== undefined) return file;
  throw invalid(`${where} has no ${name}; expected an archive saved with Keras: model.save("model.keras")`);
}

function weightsOf(reader: Hdf5Reader, architecture: unknown, path: readonly string[]): Tensor[] {
  let model = architecture;
  let group = "";
  for (const name of path) {
    const key = groupKeyOf(reader, `${group}layers`, model, name);
    group += `layers/${key}/`;
    model = layersOf(model).find((layer) => nameOf(layer) === name);
  }
  const count = reader.names(`${group}vars`).length;
  return Array.from({ length: count }, (_, i) => reader.tensor(`${group}vars/${i}`));
}

/**
 * In newer files each group has the name of its layer as attribute; in older ones groups are named after the
 * class and numbered.
 */
function groupKeyOf(reader: Hdf5Reader, layers: string, model: unknown, name: string): string {
  const labelled = reader.names(layers).find((key) => reader.text(`${layers}/${key}/vars`, "name") === name);
  return labelled ?? countedKeys(model).get(name) ?? name;
}

function countedKeys(model: unknown): Map<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    layersOf(model).map((layer) => {
      const key = snakeCase(String((layer as { class_name?: unknown }).class_name));
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      return [nameOf(layer), count === 0 ? key : `${key}_${count}`];
    }),
  );
}

function layersOf(model: unknown): unknown[] {
  const layers = (model as { config?: { layers?: unknown } } | undefined)?.config?.layers;
  return Array.isArray(layers) ? layers : [];
}

function nameOf(layer: unknown): string {
  return String((layer as { config?: { name?: unknown } }).config?.name);
}

/** `SeparableConv2D` becomes `separable_conv2d`, as in Keras. */
function snakeCase(name: string): string {
  return name.replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
}
