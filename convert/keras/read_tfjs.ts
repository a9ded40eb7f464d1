import { ModelError } from "../../models/errors.ts";
import { concatBytes } from "../../lib/bytes.ts";
import { JsonFields } from "../../lib/json_fields.ts";
import { size } from "../../models/layers/layers.ts";
import { readIfExists, readUrl, showUrl } from "../../models/read_url.ts";
import { parseJson } from "../../models/parse_json.ts";
import type { KerasSource } from "./source.ts";
import { MAX_FILE_BYTES, MAX_PARAMETERS, type Tensor } from "./tensor.ts";
import { invalid } from "./invalid.ts";

/** How quantised weights are converted to floats: `value · scale + min`. */
interface Quantization {
  readonly dtype: "uint8" | "uint16" | "float16";
  readonly scale: number;
  readonly min: number;
}

/** Description of one tensor. */
interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly quantization?: Quantization;
}

const MAX_METADATA_BYTES = 1_048_576;

/** Teachable Machine writes `metadata.json` beside the model. */
async function labelsBeside(url: URL): Promise<Pick<KerasSource, "labels">> {
  const file = new URL("metadata.json", url);
  const bytes = await readIfExists(file, MAX_METADATA_BYTES);
  if (bytes === undefined) return {};
  const json = parseJson(bytes, showUrl(file));
  const { labels } = (typeof json === "object" && json !== null ? json : {}) as { labels?: unknown };
  const isList = Array.isArray(labels) && labels.every((label) => typeof label === "string");
  return isList ? { labels: labels as string[] } : {};
}

const BYTES = { float32: 4, int32: 4, uint8: 1, uint16: 2, float16: 2 } as const;

/**
 * Opens a layers model of TensorFlow.js: `model.json` with the weights files beside it.
 *
 * @param url Of `model.json`.
 * @param bytes Its content.
 * @param where The file, for messages.
 * @throws {ModelError} `invalid` if it is something else; `not_found` or `denied` for a weights file.
 */
export async function readTfjs(url: URL, bytes: Uint8Array, where: string): Promise<KerasSource> {
  const json = new JsonFields(
    parseJson(bytes, where),
    where,
    invalid,
  );
  const format = json.raw("format");
  if (format === "graph-model" || !json.has("modelTopology")) throw notLayers(format, where);
  const topology = json.object("modelTopology");
  const tensors = new Map<string, Tensor>();
  for (const group of json.objects("weightsManifest", 0, 10_000)) {
    const entries = group.objects("weights", 0, 100_000).map(parseEntry);
    const data = await readShards(url, group.list("paths", 0, 100_000), where);
    cut(entries, data, where).forEach((tensor, i) => tensors.set(entries[i]!.name, tensor));
  }
  const converter = json.raw("convertedBy") ?? json.raw("generatedBy") ?? "TensorFlow.js";
  return {
    where,
    format: `layers model of ${converter}`,
    architecture: topology.has("model_config") ? topology.raw("model_config") : topologyOf(topology),
    weights: (path) => weightsOf(tensors, path.at(-1)!),
    ...await labelsBeside(url),
    [Symbol.dispose]() {},
  };
}

function topologyOf(topology: JsonFields): unknown {
  return { class_name: topology.raw("class_name"), config: topology.raw("config") };
}

function notLayers(format: unknown, where: string): ModelError {
  const found = typeof format === "string" ? `a ${format}` : "something else";
  return invalid(
    `${where} is ${found}; expected a layers model of TensorFlow.js (model.save, or tensorflowjs_converter with` +
      " --output_format=tfjs_layers_model)",
  );
}

function parseEntry(fields: JsonFields): Entry {
  const rank = fields.list("shape", 0, 8).length;
  const entry = {
    name: fields.text("name", 1_000),
    shape: fields.integers("shape", [rank, rank], [0, MAX_PARAMETERS]),
    dtype: fields.oneOf<"float32" | "int32">("dtype", ["float32", "int32"]),
  };
  return fields.has("quantization")
    ? { ...entry, quantization: parseQuantization(fields.object("quantization")) }
    : entry;
}

function parseQuantization(fields: JsonFields): Quantization {
  const dtype = fields.oneOf<Quantization["dtype"]>("dtype", ["uint8", "uint16", "float16"]);
  if (dtype === "float16") return { dtype, scale: 1, min: 0 };
  return { dtype, scale: fields.number("scale", {}), min: fields.number("min", {}) };
}

async function readShards(url: URL, paths: readonly unknown[], where: string): Promise<Uint8Array> {
  const shards: Uint8Array[] = [];
  let length = 0;
  for (const path of paths) {
    if (typeof path !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(path)) {
      throw invalid(
        `${where}: weightsManifest contains the path ${JSON.stringify(path)}; expected a file beside it`,
      );
    }
    const shard = await readUrl(new URL(path, url), MAX_FILE_BYTES - length);
    length += shard.byteLength;
    shards.push(shard);
  }
  return concatBytes(shards);
}

function cut(entries: readonly Entry[], data: Uint8Array, where: string): Tensor[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  const tensors = entries.map((entry) => {
    const start = offset;
    offset += size(entry.shape) * BYTES[entry.quantization?.dtype ?? entry.dtype];
    if (offset > data.byteLength) throw wrongLength(data.byteLength, `at least ${offset}`, where);
    return { shape: entry.shape, data: decode(entry, view, start) };
  });
  if (offset !== data.byteLength) throw wrongLength(data.byteLength, String(offset), where);
  return tensors;
}

function decode({ shape, dtype, quantization }: Entry, view: DataView, start: number): Float32Array {
  const { scale = 1, min = 0 } = quantization ?? {};
  const stored = quantization?.dtype ?? dtype;
  const read = {
    float32: (at: number) => view.getFloat32(at, true),
    int32: (at: number) => view.getInt32(at, true),
    uint8: (at: number) => view.getUint8(at),
    uint16: (at: number) => view.getUint16(at, true),
    float16: (at: number) => view.getFloat16(at, true),
  }[stored];
  return Float32Array.from({ length: size(shape) }, (_, i) => read(start + i * BYTES[stored]) * scale + min);
}

function wrongLength(bytes: number, expected: string, where: string): ModelError {
  return invalid(`${where}: the weights files have ${bytes} bytes in total; expected ${expected}`);
}

/** Names are `layer/kernel`; where layers are in a model that is one of the layers, its name can come first. */
function weightsOf(tensors: ReadonlyMap<string, Tensor>, layer: string): Tensor[] {
  const of = (isOwn: (owner: string) => boolean) =>
    [...tensors].filter(([name]) => isOwn(name.slice(0, name.lastIndexOf("/")))).map(([, tensor]) => tensor);
  const own = of((owner) => owner === layer);
  return own.length > 0 ? own : of((owner) => `/${owner}/`.includes(`/${layer}/`));
}
