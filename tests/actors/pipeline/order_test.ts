import { KeyOrder } from "../../../actors/pipeline/order.ts";
import { assertEquals } from "../../../testing/assert.ts";

const at = (key: string | Uint8Array | null, partition = 0) => ({ topic: "t", partition, key });

Deno.test("key order: equal keys go in the order they came, whichever is ready first; others do not wait", () => {
  const order = new KeyOrder();
  const gone: string[] = [];
  const messages = [at("a"), at("b"), at("a"), at("a"), at(null), at("a", 1), at(new Uint8Array([97]))];
  const ready = messages.map((message) => order.enter(message));
  const finish = (i: number) => ready[i]!(() => gone.push(String(i)));
  for (const i of [3, 1, 4, 5, 6, 2]) finish(i);
  assertEquals(gone.join(), "1,4,5,6");
  finish(0);
  assertEquals(gone.join(), "1,4,5,6,0,2,3");
});
