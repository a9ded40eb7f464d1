import { toCanonical } from "../../models/image/canonical.ts";
import type { Pixels } from "../../models/image/format.ts";
import { axisTaps } from "../../models/image/resample.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

function canonical(pixels: Pixels, spec: Partial<InputSpec>): number[] {
  const { width = pixels.width, height = pixels.height, channels = 1 } = spec;
  const { mean = new Array(channels).fill(0), std = new Array(channels).fill(1 / 255) } = spec;
  const target = new Float32Array(width * height * channels);
  toCanonical(pixels, { width, height, channels, mean, std }, target);
  return [...target].map((value) => Math.round(value * 1000) / 1000);
}

function grey(width: number, ...values: number[]): Pixels {
  return { width, height: values.length / width, channels: 1, data: Uint8Array.from(values) };
}

Deno.test("canonical: RGB becomes grey by the weights of BT.601", () => {
  const data = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
  assertEquals(canonical({ width: 4, height: 1, channels: 3, data }, {}), [76.245, 149.685, 29.07, 255]);
});

Deno.test("canonical: grey is the same whatever number of channels it came in", () => {
  const values = Array.from({ length: 256 }, (_, i) => i);
  const rgb = Uint8Array.from(values.flatMap((value) => [value, value, value]));
  const rgba = Uint8Array.from(values.flatMap((value) => [value, value, value, 255]));
  const wanted = canonical(grey(256, ...values), {});
  assertEquals(canonical({ width: 256, height: 1, channels: 3, data: rgb }, {}), wanted);
  assertEquals(canonical({ width: 256, height: 1, channels: 4, data: rgba }, {}), wanted);
});

Deno.test("canonical: what is transparent shows black", () => {
  const data = Uint8Array.of(200, 200, 200, 255, 200, 200, 200, 51, 200, 200, 200, 0);
  assertEquals(canonical({ width: 3, height: 1, channels: 4, data }, {}), [200, 40, 0]);
});

Deno.test("canonical: grey fills all three channels, each standardised by its own numbers", () => {
  const spec = { channels: 3, mean: [0, 0.5, 1], std: [1, 0.5, 0.25] } as const;
  assertEquals(canonical(grey(1, 255), spec), [1, 1, 0]);
});

Deno.test("canonical: shrinking takes the mean over the area of each pixel", () => {
  assertEquals(canonical(grey(4, 0, 100, 200, 40, 100, 0, 0, 0), { width: 2, height: 1 }), [50, 60]);
  // 3 to 2: one and a half pixels each.
  assertEquals(canonical(grey(3, 30, 60, 90), { width: 2 }), [40, 80]);
});

Deno.test("canonical: growing goes in straight lines between the centres", () => {
  assertEquals(canonical(grey(2, 0, 100), { width: 4 }), [0, 25, 75, 100]);
  assertEquals(canonical(grey(1, 0, 100), { height: 4 }), [0, 25, 75, 100]);
});

Deno.test("canonical: one side can shrink while the other grows", () => {
  assertEquals(canonical(grey(4, 0, 100, 200, 40), { width: 2, height: 2 }), [50, 120, 50, 120]);
});

Deno.test("canonical: a flat image stays flat at every size", () => {
  for (const side of [1, 2, 3, 7, 28, 57]) {
    const flat = { width: 13, height: 17, channels: 3 as const, data: new Uint8Array(13 * 17 * 3).fill(123) };
    assert(canonical(flat, { width: side, height: side, channels: 3 }).every((value) => value === 123));
  }
});

Deno.test("canonical: the weights of each pixel add up to 1 and stay inside the image", () => {
  for (const [from, to] of [[1, 28], [27, 28], [28, 28], [29, 28], [1000, 28], [50_000_000, 3]] as const) {
    const { starts, weights } = axisTaps(from, to);
    weights.forEach((taps, i) => {
      assert(starts[i]! >= 0 && starts[i]! + taps.length <= from);
      assert(Math.abs(taps.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-6);
    });
  }
});
