import type { Api } from "./requests.ts";

/** What a request accesses, by name. */
export interface Accessed {
  readonly topic?: string | undefined;
  readonly group?: string;
  readonly transactionalId?: string;
}

/** Of each error code, the resource that it denies. */
const RESOURCES: Readonly<Record<number, readonly [keyof Accessed, string]>> = {
  29: ["topic", "topic"], // TOPIC_AUTHORIZATION_FAILED
  30: ["group", "group"], // GROUP_AUTHORIZATION_FAILED
  53: ["transactionalId", "transactional id"], // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
};

type Operation = "Read" | "Write" | "Describe" | "Create" | "Delete";

/** The operation that a request needs on each resource, as Kafka's documentation lists them. */
const OPERATIONS: { readonly [A in Api]?: { readonly [R in keyof Accessed]: Operation } } = {
  Metadata: { topic: "Describe" },
  CreateTopics: { topic: "Create" },
  Produce: { topic: "Write", transactionalId: "Write" },
  Fetch: { topic: "Read" },
  ListOffsets: { topic: "Describe" },
  DeleteRecords: { topic: "Delete" },
  // Describe is enough to find the coordinator of a transactional id, but only those who write look for it.
  GroupCoordinator: { group: "Describe", transactionalId: "Write" },
  JoinGroup: { group: "Read" },
  SyncGroup: { group: "Read" },
  Heartbeat: { group: "Read" },
  LeaveGroup: { group: "Read" },
  OffsetCommit: { topic: "Read", group: "Read" },
  OffsetFetch: { topic: "Describe", group: "Describe" },
  StableOffsetFetch: { topic: "Describe", group: "Describe" },
  InitProducerId: { transactionalId: "Write" },
  AddPartitionsToTxn: { topic: "Write", transactionalId: "Write" },
  AddOffsetsToTxn: { group: "Read", transactionalId: "Write" },
  TxnOffsetCommit: { topic: "Read", group: "Read", transactionalId: "Write" },
  EndTxn: { transactionalId: "Write" },
};

/**
 * Explains that a broker denies a request: which operation on which resource an ACL would have to allow.
 *
 * @param code The error code of the broker.
 * @param api The request.
 * @param accessed What it accesses.
 * @returns `undefined` for a code of another kind.
 */
export function denialOf(code: number | undefined, api: Api, accessed: Accessed): string | undefined {
  const [resource, kind] = RESOURCES[code ?? 0] ?? [];
  const operation = resource && OPERATIONS[api]?.[resource];
  return operation && `this login has no right to ${operation} the ${kind} "${accessed[resource!]}"`;
}
