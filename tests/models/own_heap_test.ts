import { OwnHeap } from "../../models/kernels/own_heap.ts";
import { assert, assertEquals, assertThrows } from "../../testing/assert.ts";

const MEGABYTE = 2 ** 20;

Deno.test("own heap: addresses are aligned to 16 bytes, and blocks do not overlap", () => {
  const heap = new OwnHeap();
  const sizes = [1, 100, 16, 5_000, 0, 3];
  const blocks = sizes.map((bytes) => ({ bytes, address: heap.allocate(bytes) }));
  assertEquals(blocks.filter(({ address }) => address === 0 || address % 16 !== 0), []);
  const sorted = blocks.toSorted((a, b) => a.address - b.address);
  assert(sorted.every(({ address, bytes }, i) => address + bytes <= (sorted[i + 1]?.address ?? Infinity)));
});

Deno.test("own heap: what is released in any order is used again, as one block", () => {
  const heap = new OwnHeap();
  const blocks = Array.from({ length: 40 }, () => heap.allocate(MEGABYTE));
  const { byteLength } = heap.memory.buffer;
  for (const i of blocks.keys().filter((i) => i % 2 === 0)) heap.release(blocks[i]!);
  for (const i of blocks.keys().filter((i) => i % 2 === 1)) heap.release(blocks[i]!);
  assertEquals(heap.allocate(40 * MEGABYTE), blocks[0]);
  assertEquals(heap.memory.buffer.byteLength, byteLength);
});

Deno.test("own heap: more than there can be gives 0, and a second release is refused", () => {
  const heap = new OwnHeap();
  assertEquals(heap.allocate(2 ** 33), 0);
  const address = heap.allocate(1);
  heap.release(address);
  assertThrows(() => heap.release(address), Error, `Cannot release ${address}`);
});
