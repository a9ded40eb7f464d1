import { Buffer } from "node:buffer";
import type { Protocol } from "./protocol.ts";
import type { JoinedMember } from "./requests.ts";
import type { GroupSubscriber } from "../consumer/subscription_assigner.ts";
import { byTopic, type TopicPartition } from "../topics.ts";

/** Name of our partition assignor. All members of a group must support it. */
export const ASSIGNER = "imagebus";

const VERSION = 0;

/** The numbers of partitions, by topic. */
type Numbers = Readonly<Record<string, readonly number[]>>;

/** Encodes what a member sends when it joins; its partitions are in `userData`, the field for clients. */
export function encodeSubscriber(protocol: Protocol, subscriber: Omit<GroupSubscriber, "memberId">): Buffer {
  const { topics, owned, generation } = subscriber;
  const userData = Buffer.from(JSON.stringify({ generation, owned: toNumbers(owned) }));
  return protocol.MemberMetadata.encode({ version: VERSION, topics, userData });
}

/** Decodes {@linkcode encodeSubscriber}. */
export function decodeSubscriber(
  protocol: Protocol,
  { memberId, memberMetadata }: JoinedMember,
): GroupSubscriber {
  const { topics, userData } = protocol.MemberMetadata.decode(memberMetadata);
  const { generation, owned } = JSON.parse(`${userData}`) as { generation: number; owned: Numbers };
  return { memberId, topics, generation, owned: toPartitions(owned) };
}

/** Encodes the partitions of a member. */
export function encodeAssignment(protocol: Protocol, partitions: readonly TopicPartition[]): Buffer {
  return protocol.MemberAssignment.encode({ version: VERSION, assignment: toNumbers(partitions) });
}

/** Decodes {@linkcode encodeAssignment}; empty bytes are an empty assignment. */
export function decodeAssignment(protocol: Protocol, bytes: Buffer): TopicPartition[] {
  return toPartitions(protocol.MemberAssignment.decode(bytes)?.assignment ?? {});
}

function toNumbers(partitions: readonly TopicPartition[]): Numbers {
  const entries = byTopic(partitions).map(({ topic, partitions }) =>
    [topic, partitions.map(({ partition }) => partition)] as const
  );
  return Object.fromEntries(entries);
}

function toPartitions(numbers: Numbers): TopicPartition[] {
  return Object.entries(numbers).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition }))
  );
}
