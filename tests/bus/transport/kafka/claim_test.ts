import type { Buffer } from "node:buffer";
import { OwnedClaim } from "../../../../bus/transport/kafka/consumer/claim.ts";
import { splitBatches } from "../../../../bus/transport/kafka/wire/batches.ts";
import { assertEquals } from "../../../../testing/assert.ts";
import { batchOf } from "./batches.ts";

const PLACE = { topic: "t", partition: 0 };

/** A claim for which batches were fetched from an offset on. */
function fetched(from: number, end: number, ...batches: Buffer[]): OwnedClaim {
  const claim = new OwnedClaim({ ...PLACE, offset: from }, end);
  for (const batch of batches) claim.append(splitBatches(batch, PLACE, []).batches, from);
  claim.position = 100;
  return claim;
}

const offsets = (claim: OwnedClaim, max: number) => claim.take(max, 1_000_000).map(({ offset }) => offset);

Deno.test("kafka: of fetched batches, what was not asked for and what is behind the end is not delivered", () => {
  const batches = [batchOf(["a", "b", "c"], { first: 5 }), batchOf(["d", "e", "f"], { first: 8 })];
  const claim = fetched(6, 10, ...batches);
  assertEquals([offsets(claim, 1), offsets(claim, 10), claim.hasMessages], [[6], [7, 8, 9], false]);
  assertEquals(claim.bufferedBytes, 0);
});

Deno.test("kafka: a batch without a message that was asked for is none", () => {
  assertEquals(fetched(7, Infinity, batchOf(["a", "b"], { first: 5 })).hasMessages, false);
});

Deno.test("kafka: a buffer that is dropped is fetched again from the first message that was not delivered", () => {
  const claim = fetched(5, Infinity, batchOf(["a", "b"], { first: 5 }), batchOf(["c"], { first: 7 }));
  assertEquals(offsets(claim, 2), [5, 6]);
  claim.drop();
  assertEquals([claim.position, claim.hasMessages, claim.bufferedBytes], [7, false, 0]);
});
