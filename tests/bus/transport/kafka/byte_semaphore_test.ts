import { ByteSemaphore } from "../../../../bus/transport/kafka/producer/byte_semaphore.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";

Deno.test("byte semaphore: admits in order of arrival, and more than its limit only when it is empty", async () => {
  const semaphore = new ByteSemaphore(10);
  const order: string[] = [];
  const acquire = (name: string, bytes: number, isOver = () => false) =>
    semaphore.acquire(bytes, isOver).then(() => order.push(name));
  assert(semaphore.tryAcquire(8));
  const large = acquire("large", 20);
  const small = acquire("small", 1);
  assert(!semaphore.tryAcquire(1));
  semaphore.release(8);
  await large;
  assertEquals(order, ["large"]);
  semaphore.release(20);
  await small;
  assertEquals(order, ["large", "small"]);
});

Deno.test("byte semaphore: a waiter that has given up does not block those behind it", async () => {
  const semaphore = new ByteSemaphore(10);
  assert(semaphore.tryAcquire(9));
  let isOver = false;
  const over = semaphore.acquire(5, () => isOver);
  const next = semaphore.acquire(1, () => false);
  isOver = true;
  semaphore.release(0);
  await over;
  semaphore.release(5);
  await next;
});
