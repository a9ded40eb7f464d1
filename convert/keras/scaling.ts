/**
 * Converters of what scales and shifts each channel: normalisations with known moments, rescaling, and arithmetic with
 * constants.
 *
 * @module
 */
import { invalid } from "./invalid.ts";
import { addNode, type Node } from "./network.ts";
import { lastAxis, refuseUnless, type Step } from "./step.ts";

/** Converts the layer of that name. */
export function batchNormalization(step: Step, x: Node): Node {
  const { config } = step;
  lastAxis(step, x);
  const [scaled, centred] = [config.raw("scale") !== false, config.raw("center") !== false];
  const roles = [...scaled ? ["gamma"] : [], ...centred ? ["beta"] : [], "moving mean", "moving variance"];
  const weights = step.weights(...roles);
  const [mean, variance] = weights.slice(-2).map(({ data }) => data);
  const gamma = scaled ? weights[0]!.data : undefined;
  const beta = centred ? weights[scaled ? 1 : 0]!.data : undefined;
  const epsilon = config.has("epsilon") ? config.number("epsilon", { min: 0 }) : 1e-3;
  const scale = Float64Array.from(variance!, (value, i) => (gamma?.[i] ?? 1) / Math.sqrt(value + epsilon));
  return affine(step, x, scale, scale.map((value, i) => (beta?.[i] ?? 0) - mean![i]! * value));
}

/** Converts the layer of that name. */
export function normalization(step: Step, x: Node): Node {
  const { config } = step;
  refuseUnless(step, "invert", false);
  if (config.raw("axis") !== null) lastAxis(step, x);
  const given = config.raw("mean") ?? null;
  const adapted = given === null ? step.weights("mean", "variance", "count") : [];
  const mean = adapted[0]?.data ?? numbersOf(step, "mean");
  const variance = adapted[1]?.data ?? numbersOf(step, "variance");
  const channels = perChannel(step, x, variance);
  const scale = channels.map((value) => 1 / Math.max(Math.sqrt(value), 1e-7));
  return affine(step, x, scale, perChannel(step, x, mean).map((value, i) => -value * scale[i]!));
}

/** Converts the layer of that name. */
export function rescaling(step: Step, x: Node): Node {
  const scale = perChannel(step, x, numbersOf(step, "scale"));
  const offset = step.config.has("offset") ? numbersOf(step, "offset") : [0];
  return affine(step, x, scale, perChannel(step, x, offset));
}

/** Multiplies each channel by a number and adds another one. */
export function affine(step: Step, x: Node, scale: Float64Array, shift: Float64Array): Node {
  const tensors = [scale, shift].map((data) => ({ shape: [data.length], data }));
  return addNode(step.name, { type: "affine" }, [x], tensors);
}

/** A number, or lists of numbers in any depth. */
function numbersOf(step: Step, setting: string): number[] {
  return numbersIn(step.config.raw(setting)) ??
    fail(step.config.fail(setting, step.config.raw(setting), "must be a number or a list of numbers"));
}

function numbersIn(value: unknown): number[] | undefined {
  const numbers = [value].flat(8);
  const isNumber = (number: unknown) => typeof number === "number" && Number.isFinite(number);
  return numbers.every(isNumber) ? numbers as number[] : undefined;
}

function fail(error: Error): never {
  throw error;
}

type Arithmetic = Readonly<Record<string, (value: number) => readonly [scale: number, shift: number]>>;

/** The operations of `preprocess_input`, with a constant: `x / 127.5 − 1`. */
const ARITHMETIC: Arithmetic = {
  "math.truediv": (value) => [1 / value, 0],
  "math.divide": (value) => [1 / value, 0],
  "math.multiply": (value) => [value, 0],
  "math.subtract": (value) => [1, -value],
  "math.add": (value) => [1, value],
  "__operators__.add": (value) => [1, value],
};

/** With the constant first: `1 − x`. */
const CONSTANT_FIRST: Arithmetic = {
  "math.multiply": ARITHMETIC["math.multiply"]!,
  "math.subtract": (value) => [-1, value],
  "math.add": ARITHMETIC["math.add"]!,
  "__operators__.add": ARITHMETIC["__operators__.add"]!,
};

/** An operation outside of layers. */
export function arithmetic(step: Step, x: Node, name: string): Node {
  const operations = step.constantFirst ? CONSTANT_FIRST : ARITHMETIC;
  const operation = Object.hasOwn(operations, name) ? operations[name]! : undefined;
  const values = step.constants.length === 1 ? numbersIn(step.constants[0]) : undefined;
  if (operation === undefined || values === undefined || step.inputs.length !== 1) {
    throw invalid(
      `${step.name} is not supported; of operations outside of layers, a tensor may be divided by, multiplied by, ` +
        "added to or reduced by constant numbers. The order of channels cannot be changed: train with RGB",
    );
  }
  const pairs = [...perChannel(step, x, values)].map(operation);
  return affine(
    step,
    x,
    ...[0, 1].map((i) => Float64Array.from(pairs, (pair) => pair[i]!)) as [never, never],
  );
}

function perChannel(step: Step, x: Node, values: ArrayLike<number>): Float64Array {
  const channels = x.shape.at(-1)!;
  if (values.length === channels) return Float64Array.from(values);
  if (values.length === 1) return new Float64Array(channels).fill(values[0]!);
  throw invalid(
    `${step.name} has ${values.length} numbers for ${channels} channels; expected one per channel`,
  );
}
