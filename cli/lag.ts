import type { PartitionInfo } from "../bus/transport/transport.ts";

/** Number of messages in partitions. */
export function kept(partitions: readonly PartitionInfo[]): number {
  return partitions.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Number of messages that a group has not committed. Without a committed offset it starts at the oldest that is kept. */
export function lagOf(partitions: readonly PartitionInfo[]): number {
  return partitions.reduce(
    (sum, { start, end, committed }) => sum + Math.max(0, end - Math.max(committed ?? start, start)),
    0,
  );
}
