/** Gradients on the WASM backend compared with the CPU backend of TensorFlow.js. */
import "npm:@tensorflow/tfjs@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { startBackend } from "../../models/backend.ts";
import { addBias, batchNorm, conv2d, EPSILON, matMul, maxPool2d } from "../../training/fitting/operations.ts";
import { Random } from "../../training/random.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

interface Input {
  readonly values: Float32Array;
  readonly shape: number[];
}

/** Value and gradients of an operation, with a different weight for each output. */
async function differentiate(backend: "wasm" | "cpu", operation: Operation, inputs: readonly Input[]) {
  await startBackend(await loadWasmBinary());
  await tf.setBackend(backend);
  const result: Float32Array[] = [];
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const tensors = inputs.map(({ values, shape }) => tf.tensor(values, shape));
    result.push(operation(...tensors).dataSync<"float32">().slice());
    const loss = (...args: tf.Tensor[]) => {
      const value = operation(...args);
      return tf.sum(tf.mul(value, tf.tensor(noise(value.shape, 99).values, value.shape))) as tf.Scalar;
    };
    const { grads } = tf.valueAndGrads(loss)(tensors);
    for (const gradient of grads) result.push(gradient.dataSync<"float32">().slice());
  });
  assertEquals(tf.memory().numTensors, before);
  await tf.setBackend("wasm");
  return result;
}

function noise(shape: number[], seed: number): Input {
  const random = new Random(seed, 0);
  const count = shape.reduce((a, b) => a * b, 1);
  return { values: Float32Array.from({ length: count }, () => random.integer(-1000, 1000) / 1000), shape };
}

/** Largest difference of each array, relative to its largest number. */
function differences(expected: readonly Float32Array[], actual: readonly Float32Array[]): number[] {
  assertEquals(actual.map(({ length }) => length), expected.map(({ length }) => length));
  return expected.map((values, i) => {
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    return values.reduce((max, value, k) => Math.max(max, Math.abs(value - actual[i]![k]!)), 0) / largest;
  });
}

async function compare(ours: Operation, plain: Operation, inputs: readonly Input[], tolerance: number) {
  const found = differences(
    await differentiate("cpu", plain, inputs),
    await differentiate("wasm", ours, inputs),
  );
  assert(found.every((difference) => difference < tolerance), `differences ${found.join(", ")}`);
}

const CONVOLUTIONS:
  readonly (readonly [side: number, channels: number, filters: number, rows: number, columns: number])[] = [
    [3, 8, 8, 8, 8],
    [3, 16, 24, 7, 9],
    [3, 24, 64, 31, 31],
    [3, 64, 16, 3, 3],
    [3, 3, 8, 9, 6],
    [3, 1, 32, 28, 28],
    [2, 3, 24, 32, 32],
    [2, 1, 8, 28, 28],
    [5, 8, 16, 9, 8],
    [1, 8, 8, 5, 4],
  ];

for (const [side, channels, filters, rows, columns] of CONVOLUTIONS) {
  for (const padding of side % 2 === 1 ? ["same", "valid"] as const : ["valid"] as const) {
    const title = `${side}×${side}, ${rows}×${columns}, ${channels} to ${filters}, ${padding}`;
    Deno.test(`gradients: convolution agrees with TensorFlow.js: ${title}`, async () => {
      const images = noise([3, rows, columns, channels], 1);
      // The gradient with respect to the images themselves is never needed.
      const input = channels % 8 === 0;
      const inputs = [noise([side, side, channels, filters], 2), ...input ? [images] : []];
      const given = (x?: tf.Tensor) =>
        (x ?? tf.tensor4d(images.values, [3, rows, columns, channels])) as tf.Tensor4D;
      await compare(
        (kernel, x) => conv2d(given(x), kernel as tf.Tensor4D, padding, { kernel: true, input }),
        (kernel, x) => tf.conv2d(given(x), kernel as tf.Tensor4D, 1, padding),
        inputs,
        2e-5,
      );
    });
  }
}

Deno.test("gradients: matrix product agrees with TensorFlow.js for sizes that are not multiples of 8", async () => {
  const inputs = [noise([13, 100], 1), noise([100, 10], 2)];
  const plain: Operation = (x, kernel) => tf.matMul(x!, kernel!);
  await compare((x, kernel) => matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), plain, inputs, 1e-5);
});

for (const [side, rows, columns] of [[2, 8, 6], [2, 7, 9], [3, 3, 3]] as const) {
  Deno.test(`gradients: max pooling agrees with TensorFlow.js: ${side}×${side} of ${rows}×${columns}`, async () => {
    const plain: Operation = (x) => tf.maxPool(x as tf.Tensor4D, side, side, "valid");
    await compare((x) => maxPool2d(x as tf.Tensor4D, side), plain, [noise([2, rows, columns, 8], 4)], 1e-6);
  });
}

for (const floor of [0, -Infinity]) {
  const activate = (x: tf.Tensor) => floor === 0 ? tf.relu(x) : x;

  Deno.test(`gradients: bias agrees with TensorFlow.js: ${floor === 0 ? "ReLU" : "linear"}`, async () => {
    const plain: Operation = (x, bias) => activate(tf.add(x!, bias!));
    const inputs = [noise([2, 9, 17, 8], 1), noise([8], 2)];
    await compare((x, bias) => addBias(x!, bias as tf.Tensor1D, floor), plain, inputs, 1e-5);
  });

  Deno.test(`gradients: batch normalisation agrees with TensorFlow.js: ${floor === 0 ? "ReLU" : "linear"}`, async () => {
    const plain: Operation = (x, bias) => {
      const { mean, variance } = tf.moments(x!, [0, 1, 2]);
      return activate(tf.add(tf.div(tf.sub(x!, mean), tf.sqrt(tf.add(variance, EPSILON))), bias!));
    };
    const inputs = [noise([3, 9, 17, 8], 1), noise([8], 2)];
    await compare((x, bias) => batchNorm(x!, bias as tf.Tensor1D, floor), plain, inputs, 2e-5);
  });
}
