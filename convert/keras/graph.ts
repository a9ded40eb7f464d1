/**
 * Reads the architecture of a Keras model, sequential or functional, of Keras 2, 3 or TensorFlow.js, as a
 * list of layers.
 *
 * @module
 */
import { fieldError, ModelError } from "../../models/errors.ts";
import { JsonFields } from "../../lib/json_fields.ts";

/** One layer of Keras. */
export interface KerasLayer {
  /** Its name, after the names of the models that it is in. */
  readonly path: readonly string[];
  /** Its class, e.g. `Conv2D`. */
  readonly className: string;
  /** Its settings. */
  readonly config: JsonFields;
  /** Positions of its inputs; -1 is the image. */
  readonly inputs: readonly number[];
}

/** A model of Keras; models inside it are expanded. */
export interface KerasGraph {
  /** Height, width and channels; null for any. A single channel can be missing. */
  readonly inputShape: readonly (number | null)[];
  /** Each after its inputs; all of them contribute to the last one. */
  readonly layers: readonly KerasLayer[];
}

const MODELS = ["Sequential", "Functional", "Model"];
const MAX_LAYERS = 2_000;
const MAX_DEPTH = 10;

/**
 * Reads an architecture.
 *
 * @param architecture An object with `class_name` and `config`.
 * @param where The file, for messages.
 * @returns The layers; the last one is the output.
 * @throws {ModelError} `invalid` if it is not such a model, has several inputs or outputs, or uses a layer
 * twice.
 */
export function readGraph(architecture: unknown, where: string): KerasGraph {
  const fields = new JsonFields(architecture, "", where, fieldError("invalid"));
  const model = readModel(fields, [], where);
  const layers: KerasLayer[] = [];
  const output = model.append(layers, -1);
  if (output !== layers.length - 1) {
    throw new ModelError("invalid", `${where} returns its input; expected at least one layer`);
  }
  return { inputShape: model.inputShape(), layers };
}

/** A model whose layers are not yet in a list. */
interface Model {
  inputShape(): (number | null)[];
  /** Appends its layers to a list, with the layer at `input` as input; returns the position of its output. */
  append(layers: KerasLayer[], input: number): number;
}

/** A layer with the names of its inputs. */
interface Entry {
  readonly name: string;
  readonly className: string;
  readonly fields: JsonFields;
  readonly config: JsonFields;
  readonly inputs: readonly string[];
}

function readModel(fields: JsonFields, path: readonly string[], where: string): Model {
  const className = fields.oneOf("class_name", MODELS);
  if (path.length > MAX_DEPTH) {
    throw new ModelError("invalid", `${where}: models are nested more than ${MAX_DEPTH} deep`);
  }
  return className === "Sequential"
    ? readSequential(fields, path, where)
    : readFunctional(fields, path, where);
}

function readSequential(fields: JsonFields, path: readonly string[], where: string): Model {
  // Before Keras 2.2.3 the config was the list of layers itself.
  const holder = Array.isArray(fields.raw("config")) ? fields : fields.object("config");
  const list = holder.objects(holder === fields ? "config" : "layers", 1, MAX_LAYERS);
  const entries = list.map((layer) => readEntry(layer, () => [], where));
  const first = entries[0]!;
  const built = holder === fields ? undefined : holder.raw("build_input_shape");
  return {
    inputShape: () => inputShapeOf(first, path, where) ?? shapeFrom(built) ?? missingShape(where),
    append: (layers, input) =>
      entries.reduce((last, entry) => appendEntry(entry, [last], layers, path, where), input),
  };
}

function readFunctional(fields: JsonFields, path: readonly string[], where: string): Model {
  const config = fields.object("config");
  const entries = new Map(
    config.objects("layers", 1, MAX_LAYERS).map((layer) => {
      const entry = readEntry(layer, inputsOf, where);
      return [entry.name, entry];
    }),
  );
  const start = single(config.raw("input_layers"), "input", where);
  const end = single(config.raw("output_layers"), "output", where);
  return {
    inputShape: () => inputShapeOf(find(entries, start, where), path, where) ?? missingShape(where),
    append(layers, input) {
      const done = new Map<string, number>([[start, input]]);
      const pending = new Set<string>();
      const visit = (name: string): number => {
        const position = done.get(name);
        if (position !== undefined) return position;
        if (pending.has(name)) {
          throw new ModelError("invalid", `${where}: layer "${name}" uses its own output as input`);
        }
        pending.add(name);
        const entry = find(entries, name, where);
        const added = appendEntry(entry, entry.inputs.map(visit), layers, path, where);
        done.set(name, added);
        return added;
      };
      return visit(end);
    },
  };
}

function readEntry(
  fields: JsonFields,
  readInputs: (fields: JsonFields, name: string) => string[],
  where: string,
): Entry {
  const className = fields.text("class_name", 200);
  const name = fields.has("name") ? fields.text("name", 500) : fields.object("config").text("name", 500);
  const config = new JsonFields(
    fields.raw("config"),
    "",
    `${where}: ${className} "${name}"`,
    fieldError("invalid"),
  );
  return { name, className, fields, config, inputs: readInputs(fields, name) };
}

function appendEntry(
  entry: Entry,
  inputs: readonly number[],
  layers: KerasLayer[],
  path: readonly string[],
  where: string,
): number {
  const { name, className, fields, config } = entry;
  if (className === "InputLayer" && inputs.length === 1) return inputs[0]!;
  if (MODELS.includes(className)) {
    if (inputs.length !== 1) {
      throw new ModelError(
        "invalid",
        `${where}: the inner model "${name}" has ${inputs.length} inputs; expected one`,
      );
    }
    return readModel(fields, [...path, name], where).append(layers, inputs[0]!);
  }
  if (layers.length >= MAX_LAYERS) {
    throw new ModelError("invalid", `${where} has more than ${MAX_LAYERS} layers`);
  }
  return layers.push({ path: [...path, name], className, config, inputs }) - 1;
}

/**
 * Reads the inputs of a layer. Keras 2 writes `[[["name", 0, 0, {}], …]]`; Keras 3 writes the arguments of
 * the call, in which tensors have their origin: `keras_history: ["name", 0, 0]`.
 */
function inputsOf(fields: JsonFields, name: string): string[] {
  const nodes = fields.list("inbound_nodes", 0, 1_000);
  if (nodes.length > 1) {
    throw fields.fail("inbound_nodes", nodes.length, `must use layer "${name}" once, not several times`);
  }
  const names: string[] = [];
  collect(nodes[0], names);
  return names;
}

function collect(value: unknown, names: string[]): void {
  if (Array.isArray(value)) {
    if (typeof value[0] === "string" && typeof value[1] === "number") names.push(value[0]);
    else for (const element of value) collect(element, names);
  } else if (typeof value === "object" && value !== null) {
    const { keras_history, args, config } = value as Record<string, unknown>;
    collect(keras_history ?? args ?? config, names);
  }
}

/** Name of the only input or output: `["name", 0, 0]` or `[["name", 0, 0]]`. */
function single(value: unknown, what: string, where: string): string {
  const names: string[] = [];
  collect(value, names);
  if (names.length === 1) return names[0]!;
  throw new ModelError(
    "invalid",
    `${where} has ${names.length} ${what}s; expected one input and one output`,
  );
}

function find(entries: ReadonlyMap<string, Entry>, name: string, where: string): Entry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw new ModelError("invalid", `${where}: a layer has the input "${name}", which does not exist`);
}

function inputShapeOf(
  { className, fields, config, name }: Entry,
  path: readonly string[],
  where: string,
): (number | null)[] | undefined {
  if (MODELS.includes(className)) return readModel(fields, [...path, name], where).inputShape();
  return shapeFrom(config.raw("batch_shape") ?? config.raw("batch_input_shape"));
}

/** Without the first dimension, the batch. */
function shapeFrom(value: unknown): (number | null)[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [, ...shape] = value;
  return shape.every((extent) => extent === null || typeof extent === "number") ? shape : undefined;
}

function missingShape(where: string): never {
  throw new ModelError(
    "invalid",
    `${where} does not contain its input shape; build the model before saving it`,
  );
}
