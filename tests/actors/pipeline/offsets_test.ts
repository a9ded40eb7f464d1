import { OffsetTracker, type Ticket } from "../../../actors/pipeline/offsets.ts";
import { assertEquals, assertThrows } from "../../../testing/assert.ts";

Deno.test("offsets: there is no position before anything has begun", () => {
  assertEquals(new OffsetTracker().position, null);
});

Deno.test("offsets: the first unfinished message holds everything after it back", () => {
  const tracker = new OffsetTracker();
  const tickets = [10, 11, 12, 13].map((offset) => tracker.begin(offset));
  for (const i of [1, 3]) tracker.finish(tickets[i]!);
  assertEquals(tracker.position, 10);
  tracker.finish(tickets[0]!);
  assertEquals(tracker.position, 12);
  tracker.finish(tickets[2]!);
  assertEquals(tracker.position, 14);
});

Deno.test("offsets: gaps in the log do not hold anything back", () => {
  const tracker = new OffsetTracker();
  for (const offset of [1, 5, 9]) tracker.finish(tracker.begin(offset));
  assertEquals(tracker.position, 10);
});

Deno.test("offsets: a message that begins twice is reported as a fault", () => {
  const tracker = new OffsetTracker();
  tracker.begin(7);
  assertThrows(() => tracker.begin(7), RangeError, "Cannot begin offset 7: offset 7 has begun");
});

Deno.test("offsets: in any order of finishing, the position never passes an unfinished message", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = mulberry32(seed);
    const tracker = new OffsetTracker();
    const open = new Set<Ticket>();
    for (let offset = 0; offset < 3_000; offset++) {
      open.add(tracker.begin(offset));
      while (open.size > 0 && random() < 0.5) {
        const ticket = [...open][Math.floor(random() * Math.min(open.size, 9))]!;
        open.delete(ticket);
        tracker.finish(ticket);
      }
      const first = Math.min(offset + 1, ...[...open].map((ticket) => ticket.offset));
      assertEquals(tracker.position, first);
    }
  }
});

/** A small seeded generator, so that a failure can be repeated. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
