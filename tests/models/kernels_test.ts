import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { startBackend } from "../../models/backend.ts";
import { convolvePrepared, prepareKernel } from "../../models/kernels/convolution.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { Random } from "../../training/random.ts";
import { compileKernels } from "../../tools/build_kernels.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

Deno.test("kernels: the committed binary is what the sources compile to", async () => {
  const committed = await Deno.readTextFile(new URL("../../models/kernels/binary.ts", import.meta.url));
  assertEquals(committed, await compileKernels());
});

function noise(shape: [number, number, number, number], seed: number): tf.Tensor4D {
  const random = new Random(seed, 0);
  const count = shape.reduce((a, b) => a * b, 1);
  return tf.tensor4d(Float32Array.from({ length: count }, () => random.between(-1, 1)), shape);
}

for (
  const [side, channels, filters, extent] of [
    [3, 64, 128, 15],
    [3, 4, 8, 3],
    [2, 3, 24, 32],
    [5, 16, 8, 9],
  ] as const
) {
  for (const activation of ["relu", "linear"] as const) {
    Deno.test(`kernels: ${side}×${side}, ${channels} to ${filters}, ${activation} agrees with TensorFlow.js`, async () => {
      await startBackend(await loadWasmBinary());
      const tensors = tf.memory().numTensors;
      tf.tidy(() => {
        const [x, filter] = [
          noise([5, extent, extent, channels], 1),
          noise([side, side, channels, filters], 2),
        ];
        const bias = tf.tensor1d(new Float32Array(filters).map((_, i) => i / 10));
        const expected = tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "valid", activation });
        const floor = activation === "relu" ? 0 : -Infinity;
        const actual = convolvePrepared(x, prepareKernel(filter), bias, "valid", floor);
        const difference = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0]!;
        assert(difference < 2e-5 * tf.max(tf.abs(expected)).dataSync()[0]!, `${difference}`);
      });
      assertEquals(tf.memory().numTensors, tensors);
    });
  }
}
