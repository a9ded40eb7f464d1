import { murmur2, Partitioner } from "../../../bus/transport/partitioner.ts";
import { assertEquals } from "../../../testing/assert.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("partitioner: hashes keys like Kafka", () => {
  // The cases of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  const cases: Record<string, number> = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
  };
  for (const [text, hash] of Object.entries(cases)) assertEquals(murmur2(bytes(text)), hash, text);
});

Deno.test("partitioner: many keys use all partitions", () => {
  const partitionOf = (key: Uint8Array, of: number) => new Partitioner().choose("topic", key, of);
  const used = new Set(Array.from({ length: 1_000 }, (_, index) => partitionOf(bytes(`key ${index}`), 7)));
  assertEquals(used, new Set([0, 1, 2, 3, 4, 5, 6]));
  assertEquals(partitionOf(new Uint8Array(), 1), 0);
});
