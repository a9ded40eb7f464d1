import { mapConcurrent } from "../../lib/map_concurrent.ts";
import { assertEquals, assertRejects } from "../../testing/assert.ts";

Deno.test("mapConcurrent: at most so many calls run, and results are in the order of the items", async () => {
  let [running, most] = [0, 0];
  const results = await mapConcurrent([5, 1, 4, 2, 3], 2, async (item, index) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, item));
    running--;
    return `${index}: ${item}`;
  });
  assertEquals(results, ["0: 5", "1: 1", "2: 4", "3: 2", "4: 3"]);
  assertEquals(most, 2);
});

Deno.test("mapConcurrent: no further item is read after a call has failed", async () => {
  const read: number[] = [];
  function* items(): Generator<number> {
    for (let item = 0; item < 100; item++) {
      read.push(item);
      yield item;
    }
  }
  const call = (item: number) => item === 1 ? Promise.reject(new RangeError("one")) : Promise.resolve(item);
  await assertRejects(() => mapConcurrent(items(), 2, call), RangeError, "one");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(read.length < 5, true, `${read.length} were read`);
});
