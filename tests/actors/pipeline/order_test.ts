import { KeyOrder, orderKeyOf } from "../../../actors/pipeline/order.ts";
import { assertEquals } from "../../../testing/assert.ts";

const at = (key: string | Uint8Array | null, partition = 0) => ({ topic: "t", partition, key });

Deno.test("key order: items of one key are released in the order they came, whichever is settled first; others do not wait", () => {
  const released: number[] = [];
  const order = new KeyOrder<{ id: number; orderKey: string | null; settled: boolean }>(({ id }) =>
    released.push(id)
  );
  const messages = [at("a"), at("b"), at("a"), at("a"), at(null), at("a", 1), at(new Uint8Array([97]))];
  const items = messages.map((message, id) => ({ id, orderKey: orderKeyOf(message), settled: false }));
  for (const item of items) order.enter(item);
  const settle = (id: number) => {
    items[id]!.settled = true;
    order.settled(items[id]!);
  };
  for (const id of [3, 1, 4, 5, 6, 2]) settle(id);
  assertEquals(released, [1, 4, 5, 6]);
  settle(0);
  assertEquals(released, [1, 4, 5, 6, 0, 2, 3]);
});
