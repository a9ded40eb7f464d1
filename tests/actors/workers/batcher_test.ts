import { Batcher } from "../../../actors/workers/batcher.ts";
import { assertEquals } from "../../../testing/assert.ts";

const LIMITS = { maxBatch: 3, maxBatchBytes: 100, maxBatchWaitMs: 50, maxBatchMs: Infinity };

function filled(sizes: readonly number[], limits = LIMITS): Batcher<{ bytes: number }> {
  const batcher = new Batcher<{ bytes: number }>(limits);
  for (const bytes of sizes) batcher.add({ bytes }, 1_000);
  return batcher;
}

function drain(batcher: Batcher<{ bytes: number }>): number[][] {
  const batches: number[][] = [];
  while (batcher.size > 0) batches.push(batcher.take().map(({ bytes }) => bytes));
  return batches;
}

Deno.test("batcher: a batch is full by number, 7 = 3 + 3 + 1", () => {
  assertEquals(drain(filled([1, 2, 3, 4, 5, 6, 7])), [[1, 2, 3], [4, 5, 6], [7]]);
});

Deno.test("batcher: a batch is full by bytes, 60 + 50 + 40 = 60, 50 + 40", () => {
  assertEquals(drain(filled([60, 50, 40])), [[60], [50, 40]]);
});

Deno.test("batcher: an item that is larger than a batch goes alone", () => {
  assertEquals(drain(filled([10, 500, 10])), [[10], [500], [10]]);
});

Deno.test("batcher: a batch is due when it is full, or its first item has waited long enough", () => {
  assertEquals(filled([]).dueIn(1_000), Infinity);
  assertEquals(filled([1]).dueIn(1_020), 30);
  assertEquals(filled([1]).dueIn(1_070), 0);
  assertEquals(filled([1, 1, 1]).dueIn(1_000), 0);
  assertEquals(filled([99, 1]).dueIn(1_000), 0);
});

Deno.test("batcher: without a wait everything is due at once", () => {
  assertEquals(filled([1], { ...LIMITS, maxBatchWaitMs: 0 }).dueIn(1_000), 0);
});

Deno.test("batcher: ten thousand items keep their order, and none is lost", () => {
  const sizes = Array.from({ length: 10_000 }, (_, i) => i % 40);
  assertEquals(drain(filled(sizes)).flat(), sizes);
});

Deno.test("batcher: a batch has as many items as take the time by the speed so far, but at least 4", () => {
  const batcher = new Batcher<{ bytes: number }>({
    ...{ maxBatch: 64, maxBatchBytes: 100, maxBatchWaitMs: 0, maxBatchMs: 10 },
  });
  assertEquals(batcher.largest, 20);
  for (let i = 0; i < 100; i++) batcher.took(10, 10);
  assertEquals(batcher.largest, 10);
  for (let i = 0; i < 100; i++) batcher.took(20, 1);
  assertEquals(batcher.largest, 64);
  for (let i = 0; i < 100; i++) batcher.took(1, 400);
  assertEquals(batcher.largest, 4);
});
