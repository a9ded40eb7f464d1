/**
 * Reads the architecture of a Keras model, sequential or functional, of Keras 2, 3 or TensorFlow.js, as a
 * list of layers.
 *
 * @module
 */
import { JsonFields } from "../../lib/json_fields.ts";
import { invalid } from "./invalid.ts";

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
  /** Constants among the arguments of its call, in their order: 127.5 in `x / 127.5`. */
  readonly constants: readonly unknown[];
  /** Whether the first argument is a constant: 1 in `1 - x`. */
  readonly constantFirst: boolean;
}

/** A model of Keras; models inside it are expanded. */
export interface KerasGraph {
  /** Height, width and channels; null for any. A single channel can be missing. */
  readonly inputShape: readonly (number | null)[];
  /** Each after its inputs; all of them contribute to the last one. */
  readonly layers: readonly KerasLayer[];
}

const MODELS = ["Sequential", "Functional", "Model"];
/** Stands in Keras 2 for a tensor where a constant is the first argument of a call. */
const CONSTANT = "_CONSTANT_VALUE";
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
  const reader = new GraphReader(where);
  const model = reader.read(new JsonFields(architecture, where, invalid), []);
  const output = reader.append(model, [], -1);
  if (output !== reader.layers.length - 1) {
    throw invalid(`${where} returns its input; expected at least one layer`);
  }
  return { inputShape: reader.inputShape(model, []), layers: reader.layers };
}

/** A layer, or a model inside a model. */
interface Entry {
  readonly name: string;
  readonly className: string;
  readonly fields: JsonFields;
  readonly config: JsonFields;
  /** Keys of its inputs. */
  readonly inputs: readonly string[];
  readonly constants: readonly unknown[];
  readonly constantFirst: boolean;
}

/** A model whose layers are not yet in a list. */
interface Model {
  /** Its layers by their keys: names in a functional model, positions in a sequential one. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Key of its input. */
  readonly start: string;
  /** Key of its output. */
  readonly end: string;
  /** The layer that knows the shape of the input. */
  readonly first: Entry;
  /** The shape of the input where that layer does not know it. */
  readonly builtShape?: unknown;
}

class GraphReader {
  /** Each after its inputs. */
  readonly layers: KerasLayer[] = [];
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  read(fields: JsonFields, path: readonly string[]): Model {
    if (path.length > MAX_DEPTH) {
      throw invalid(`${this.#where}: models are nested more than ${MAX_DEPTH} deep`);
    }
    const className = fields.oneOf("class_name", MODELS);
    return className === "Sequential" ? this.#readSequential(fields) : this.#readFunctional(fields);
  }

  inputShape({ first, builtShape }: Model, path: readonly string[]): (number | null)[] {
    const { className, name, fields, config } = first;
    if (MODELS.includes(className)) {
      const inner = [...path, name];
      return this.inputShape(this.read(fields, inner), inner);
    }
    const shape = shapeFrom(config.raw("batch_shape") ?? config.raw("batch_input_shape")) ??
      shapeFrom(builtShape);
    if (shape !== undefined) return shape;
    throw invalid(`${this.#where} does not contain its input shape; build the model before saving it`);
  }

  /** Appends the layers of a model to the list, with the layer at `input` as input; returns the position of its output. */
  append({ entries, start, end }: Model, path: readonly string[], input: number): number {
    /** Positions by keys; null while a layer waits for its inputs. */
    const done = new Map<string, number | null>([[start, input]]);
    const visit = (key: string): number => {
      const position = done.get(key);
      if (position === null) throw invalid(`${this.#where}: layer "${key}" uses its own output as input`);
      if (position !== undefined) return position;
      done.set(key, null);
      const entry = this.#find(entries, key);
      const added = this.#appendEntry(entry, path, entry.inputs.map(visit));
      done.set(key, added);
      return added;
    };
    return visit(end);
  }

  #appendEntry(
    { name, className, fields, config, constants, constantFirst }: Entry,
    outer: readonly string[],
    inputs: readonly number[],
  ): number {
    const path = [...outer, name];
    if (className === "InputLayer" && inputs.length === 1) return inputs[0]!;
    if (MODELS.includes(className)) {
      if (inputs.length === 1) return this.append(this.read(fields, path), path, inputs[0]!);
      throw invalid(`${this.#where}: the inner model "${name}" has ${inputs.length} inputs; expected one`);
    }
    if (this.layers.length >= MAX_LAYERS) throw invalid(`${this.#where} has more than ${MAX_LAYERS} layers`);
    return this.layers.push({ path, className, config, inputs, constants, constantFirst }) - 1;
  }

  #readSequential(fields: JsonFields): Model {
    // Before Keras 2.2.3 the config was the list of layers itself.
    const holder = Array.isArray(fields.raw("config")) ? fields : fields.object("config");
    const list = holder.objects(holder === fields ? "config" : "layers", 1, MAX_LAYERS);
    const entries = list.map((layer, i) => this.#readEntry(layer, () => [String(i - 1)]));
    return {
      entries: new Map(entries.map((entry, i) => [String(i), entry])),
      start: "-1",
      end: String(entries.length - 1),
      first: entries[0]!,
      builtShape: holder.raw("build_input_shape"),
    };
  }

  #readFunctional(fields: JsonFields): Model {
    const config = fields.object("config");
    const list = config.objects("layers", 1, MAX_LAYERS).map((layer) => this.#readEntry(layer, inputsOf));
    const entries = new Map(list.map((entry) => [entry.name, entry]));
    const start = this.#single(config.raw("input_layers"), "input");
    const end = this.#single(config.raw("output_layers"), "output");
    return { entries, start, end, first: this.#find(entries, start) };
  }

  #readEntry(fields: JsonFields, readInputs: (fields: JsonFields, name: string) => string[]): Entry {
    const className = fields.text("class_name", 200);
    const name = fields.has("name") ? fields.text("name", 500) : fields.object("config").text("name", 500);
    const config = new JsonFields(fields.raw("config"), `${this.#where}: ${className} "${name}"`, invalid);
    if (isTraining(fields)) {
      throw invalid(
        `${this.#where}: ${className} "${name}" is called with training=True; expected without it`,
      );
    }
    return {
      name,
      className,
      fields,
      config,
      inputs: readInputs(fields, name),
      ...constantsOf(fields),
    };
  }

  #find(entries: ReadonlyMap<string, Entry>, name: string): Entry {
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
    throw invalid(`${this.#where}: a layer has the input "${name}", which does not exist`);
  }

  /** Name of the only input or output: `["name", 0, 0]` or `[["name", 0, 0]]`. */
  #single(value: unknown, what: string): string {
    const names: string[] = [];
    collect(value, names);
    if (names.length === 1) return names[0]!;
    throw invalid(`${this.#where} has ${names.length} ${what}s; expected one input and one output`);
  }
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

/**
 * Reads the constants of a call. Keras 2 has them by their names beside each tensor, `["name", 0, 0, { "y": 127.5 }]`, or
 * the other way round where they come first, `["_CONSTANT_VALUE", -1, 1, { "y": ["name", 0, 0] }]`; Keras 3 among the
 * arguments.
 */
function constantsOf(fields: JsonFields): Pick<Entry, "constants" | "constantFirst"> {
  const node = [fields.raw("inbound_nodes")].flat()[0];
  if (Array.isArray(node)) {
    const call = [node].flat(1).flat();
    const constantFirst = call[0] === CONSTANT;
    if (constantFirst) return { constants: [call[2]], constantFirst };
    const named = call.findLast((part) => typeof part === "object" && part !== null);
    const others = Object.entries(named ?? {}).filter(([name]) => name !== "name");
    return { constants: others.map(([, value]) => value), constantFirst };
  }
  const { args = [] } = (node ?? {}) as { args?: unknown };
  const list = [args].flat(1);
  const constants = list.filter((value) => !isTensor(value));
  return { constants, constantFirst: constants.length > 0 && !isTensor(list[0]) };
}

/** Whether a layer computes as in training: BatchNormalization with the moments of the batch, Dropout by chance. */
function isTraining(fields: JsonFields): boolean {
  const calls = [fields.raw("inbound_nodes")].flat(
    Infinity,
  ) as ({ training?: unknown; kwargs?: { training?: unknown } } | null)[];
  return calls.some((call) => call?.training === true || call?.kwargs?.training === true);
}

function isTensor(value: unknown): boolean {
  return typeof value === "object" && value !== null && JSON.stringify(value).includes("keras_history");
}

function collect(value: unknown, names: string[]): void {
  if (Array.isArray(value)) {
    if (value[0] === CONSTANT) collect(Object.values(value[3] ?? {}), names);
    else if (typeof value[0] === "string" && typeof value[1] === "number") names.push(value[0]);
    else for (const element of value) collect(element, names);
  } else if (typeof value === "object" && value !== null) {
    const { keras_history, args, config } = value as Record<string, unknown>;
    collect(keras_history ?? args ?? config, names);
  }
}

/** Without the first dimension, the batch. */
function shapeFrom(value: unknown): (number | null)[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [, ...shape] = value;
  return shape.every((extent) => extent === null || typeof extent === "number") ? shape : undefined;
}
