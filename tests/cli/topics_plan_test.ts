import { planTopic } from "../../cli/commands/topics/plan.ts";
import { assertEquals } from "../../testing/assert.ts";

const LOAD = { rate: 20_000, bytes: 800, speed: 5_000, waitMs: 5_000, retentionMs: 86_400_000, replicas: 3 };

Deno.test("topics plan: twice the partitions that Workers or bytes need, as 12, 24, 48, …", () => {
  const { workers, partitions, bytesPerSecond, diskBytes, lagThreshold } = planTopic(LOAD);
  assertEquals([workers, partitions, lagThreshold], [4, 12, 25_000]);
  assertEquals([bytesPerSecond, diskBytes], [16e6, 16e6 * 86_400 * 3]);
  assertEquals(planTopic({ ...LOAD, speed: 1_000 }).partitions, 48);
  assertEquals(planTopic({ ...LOAD, bytes: 8_000 }).partitions, 48);
  assertEquals(planTopic({ ...LOAD, speed: 50 }).partitions, 1_152);
});
