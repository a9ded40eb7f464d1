import { Buffer } from "node:buffer";
import type { Protocol } from "./protocol.ts";
import type { JoinedMember } from "./requests.ts";
import type { GroupSubscriber } from "../consumer/subscription_assigner.ts";
import { byTopic, type TopicPartition } from "../topics.ts";

/** Name of our partition assignor. All members of a group must support it. */
export const ASSIGNER = "imagebus";

const VERSION = 0;

/** Encodes what a member sends when it joins; its partitions are in `userData`, the field for clients. */
export function encodeSubscriber(protocol: Protocol, subscriber: Omit<GroupSubscriber, "memberId">): Buffer {
  const { topics, owned, generation } = subscriber;
  const numbers = byTopic(owned).map((
    { topic, partitions },
  ) => [topic, partitions.map(({ partition }) => partition)]);
  const userData = Buffer.from(JSON.stringify({ generation, owned: Object.fromEntries(numbers) }));
  return protocol.MemberMetadata.encode({ version: VERSION, topics, userData });
}

/** Decodes {@linkcode encodeSubscriber}. */
export function decodeSubscriber(
  protocol: Protocol,
  { memberId, memberMetadata }: JoinedMember,
): GroupSubscriber {
  const { topics, userData } = protocol.MemberMetadata.decode(memberMetadata);
  const { generation, owned } = JSON.parse(`${userData}`) as {
    generation: number;
    owned: Record<string, number[]>;
  };
  return { memberId, topics, generation, owned: flatten(owned) };
}

/** Encodes the partitions of a member. */
export function encodeAssignment(protocol: Protocol, partitions: readonly TopicPartition[]): Buffer {
  const numbers = byTopic(partitions).map(({ topic, partitions }) =>
    [topic, partitions.map(({ partition }) => partition)] as const
  );
  return protocol.MemberAssignment.encode({ version: VERSION, assignment: Object.fromEntries(numbers) });
}

/** Decodes {@linkcode encodeAssignment}; empty bytes are an empty assignment. */
export function decodeAssignment(protocol: Protocol, bytes: Buffer): TopicPartition[] {
  return flatten(protocol.MemberAssignment.decode(bytes)?.assignment ?? {});
}

function flatten(byTopic: Readonly<Record<string, readonly number[]>>): TopicPartition[] {
  return Object.entries(byTopic).flatMap(([topic, numbers]) =>
    numbers.map((partition) => ({ topic, partition }))
  );
}
