import { BusError } from "../errors.ts";
import type { PartitionInfo, TopicInfo, WantedTopics } from "../transport.ts";
import type { AttemptOptions, Cluster } from "./net/cluster.ts";
import { denialOf } from "./wire/denial.ts";
import { BrokerFault, CODE, expectSuccess } from "./wire/faults.ts";
import type { Api, Requests, TopicMetadata } from "./wire/requests.ts";

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** An offset in a partition. */
export interface TopicPosition extends TopicPartition {
  readonly offset: number;
}

/** Properties of the topics that are created here. */
export interface NewTopicSettings {
  readonly partitions: number;
  readonly maxMessageBytes: number;
}

/** A partition as a key of maps. Topic names contain no spaces. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`;
}

/** All partitions of some topics. */
export function partitionsOf(cluster: Cluster, topics: readonly string[]): TopicPartition[] {
  return topics.flatMap((topic) =>
    Array.from({ length: cluster.partitions(topic) }, (_, partition) => ({ topic, partition }))
  );
}

/** Groups partitions by topic, as Kafka's requests want them. */
export function byTopic<T extends TopicPartition>(items: Iterable<T>): { topic: string; partitions: T[] }[] {
  return [...Map.groupBy(items, ({ topic }) => topic)].map(([topic, partitions]) => ({ topic, partitions }));
}

/** Groups partitions by the id of their leader: `undefined` if there is none at the moment. */
export function byLeader<T extends TopicPartition>(
  cluster: Cluster,
  items: Iterable<T>,
): Map<number | undefined, T[]> {
  return Map.groupBy(items, ({ topic, partition }) => cluster.leader(topic, partition));
}

/** A partition in messages. */
export function titleOf({ topic, partition }: TopicPartition): string {
  return `Partition ${partition} of "${topic}"`;
}

/** The fault of a partition without a leader. */
export function noLeader(one: TopicPartition): BrokerFault {
  return new BrokerFault(CODE.LEADER_NOT_AVAILABLE, titleOf(one));
}

const MIB = 2 ** 20;
const CREATION_TIMEOUT_MS = 10_000;
const TOPIC_RESOURCE = 2;
const CLEANUP_POLICY = "cleanup.policy";
/** Instead of a timestamp: the oldest message kept, and the end. */
const [START, END] = [-2, -1] as const;

/**
 * Creates the topics that do not exist, and waits until each partition has a leader. The brokers determine
 * the number of replicas: `default.replication.factor`.
 *
 * @param cluster The brokers.
 * @param topics Their names.
 * @param settings Properties of new topics.
 * @param options When to give up.
 * @throws {BusError} `unavailable`, `denied`, `invalid` (e.g. a name that Kafka considers equal to that of
 * another topic).
 */
export async function ensureTopics(
  cluster: Cluster,
  topics: readonly string[],
  settings: NewTopicSettings,
  options?: AttemptOptions,
): Promise<void> {
  const missing = () => topics.filter((topic) => cluster.partitions(topic) === 0);
  if (missing().length === 0) return;
  cluster.watch(topics);
  await cluster.attempt(`Cannot create the topics ${topics.join(", ")}`, async () => {
    await cluster.refresh();
    const toCreate = missing();
    if (toCreate.length === 0) return;
    await createTopics(cluster, toCreate, settings);
    await cluster.refresh();
    const [unled] = missing();
    if (unled !== undefined) throw new BrokerFault(CODE.LEADER_NOT_AVAILABLE, `The topic "${unled}"`);
  }, options);
}

async function createTopics(
  cluster: Cluster,
  topics: readonly string[],
  { partitions, maxMessageBytes }: NewTopicSettings,
): Promise<void> {
  const configEntries = [
    { name: "max.message.bytes", value: `${maxMessageBytes + MIB}` },
    // By the broker's clock: that of a sender may be wrong, and Kafka rejects timestamps in the future.
    { name: "message.timestamp.type", value: "LogAppendTime" },
    // The default of the broker may be compact: messages would vanish before they are read.
    { name: CLEANUP_POLICY, value: "delete" },
  ];
  const { topicErrors } = await cluster.requestController("CreateTopics", {
    topics: topics.map((topic) => ({ topic, numPartitions: partitions, configEntries })),
    timeout: CREATION_TIMEOUT_MS,
  });
  for (const { topic, errorCode, errorMessage } of topicErrors) {
    if (errorCode === CODE.TOPIC_ALREADY_EXISTS) continue;
    // A topic that a login may neither read nor write looks to it as if it did not exist.
    const denial = denialOf(errorCode, "CreateTopics", { topic });
    const detail = denial ? `${denial} or, if it exists, to Read or Write it` : errorMessage;
    expectSuccess(errorCode, `The topic "${topic}"`, detail);
  }
}

/**
 * Looks up offsets of partitions.
 *
 * @param cluster The brokers.
 * @param partitions Fails if one has no leader.
 * @param at `"start"`: of the oldest message kept; `"end"`: of the next message to be stored; `"stable"`: of
 * the first open transaction, or else the end; a time: of the first message whose timestamp is not before it,
 * or else the end.
 * @returns The offsets, in no particular order.
 * @throws {BrokerFault | ConnectionFault} For `cluster.attempt` to retry.
 */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  at: "start" | "end" | "stable" | Date,
): Promise<TopicPosition[]> {
  const led = byLeader(cluster, partitions);
  if (!(at instanceof Date)) {
    return await askOffsets(cluster, led, at === "start" ? START : END, at === "stable" ? 1 : 0);
  }
  // The ends are requested first: messages that are stored in between are not before the time.
  const ends = index(await askOffsets(cluster, led, END));
  const found = await askOffsets(cluster, led, Math.max(0, at.getTime()));
  return found.map((one) => one.offset >= 0 ? one : { ...one, offset: ends.get(nameOf(one))! });
}

async function askOffsets(
  cluster: Cluster,
  led: ReadonlyMap<number | undefined, readonly TopicPartition[]>,
  timestamp: number,
  isolationLevel: 0 | 1 = 0,
): Promise<TopicPosition[]> {
  const answers = [...led].map(async ([leader, some]) => {
    if (leader === undefined) throw noLeader(some[0]!);
    const asked = some.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    const payload = { replicaId: -1, isolationLevel, topics: byTopic(asked) } as const;
    return await cluster.request(leader, "admin", "ListOffsets", payload);
  });
  return (await Promise.all(answers)).flatMap(({ responses }) => flatten(responses, "offset", "ListOffsets"));
}

/**
 * Looks up what a group has committed.
 *
 * @param cluster The brokers.
 * @param place The broker that coordinates the group, and the purpose of the connection.
 * @param groupId The group.
 * @param partitions The partitions.
 * @param api `"StableOffsetFetch"` for a group that commits in transactions.
 * @returns The partitions for which it has committed something.
 * @throws {BrokerFault | ConnectionFault} For `cluster.attempt` to retry.
 */
export async function committedOffsets(
  cluster: Cluster,
  { node, purpose }: { readonly node: number; readonly purpose: string },
  groupId: string,
  partitions: readonly TopicPartition[],
  api: "OffsetFetch" | "StableOffsetFetch" = "OffsetFetch",
): Promise<TopicPosition[]> {
  const topics = byTopic(partitions.map(({ topic, partition }) => ({ topic, partition })));
  const answer = await cluster.request(node, purpose, api, { groupId, topics });
  const denial = denialOf(answer.errorCode, api, { group: groupId });
  expectSuccess(answer.errorCode, `The commits of the group "${groupId}"`, denial);
  return flatten(answer.responses, "committed offset", api).filter(({ offset }) => offset >= 0);
}

function flatten(
  responses: Requests["ListOffsets"][1]["responses"],
  what: string,
  api: Api,
): TopicPosition[] {
  return responses.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, errorCode }) => {
      expectSuccess(errorCode, `The ${what} of ${topic} ${partition}`, denialOf(errorCode, api, { topic }));
      return { topic, partition, offset: Number(offset) };
    })
  );
}

/**
 * Lists the topics of the cluster, for {@linkcode Transport.topics}.
 *
 * @param cluster The brokers.
 * @param group Whose commits to include.
 * @param wanted Which topics.
 * @throws {BusError} `unavailable`, `denied`.
 */
export async function describeTopics(
  cluster: Cluster,
  group: string | undefined,
  wanted: WantedTopics,
): Promise<TopicInfo[]> {
  return await cluster.attempt("Cannot list the topics", async () => {
    const topics = await wantedTopics(cluster, wanted);
    const partitions = topics.sort((a, b) => a.topic < b.topic ? -1 : 1).flatMap(ledPartitions);
    const led = Map.groupBy(partitions, ({ leader }) => leader);
    const positions = async (timestamp: number) => index(await askOffsets(cluster, led, timestamp));
    // No `await` inside the array: a promise that rejects during it would be unhandled, and end the process.
    const commits = async () => {
      if (group === undefined) return index([]);
      const place = { node: await cluster.findCoordinator(group), purpose: "admin" };
      return index(await committedOffsets(cluster, place, group, partitions));
    };
    const [start, end, committed] = await Promise.all([positions(START), positions(END), commits()]);
    const info = (one: TopicPartition): PartitionInfo => ({
      partition: one.partition,
      start: start.get(nameOf(one)) ?? 0,
      end: end.get(nameOf(one)) ?? 0,
      committed: committed.get(nameOf(one)) ?? null,
    });
    return byTopic(partitions).map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.map(info),
    }));
  });
}

async function wantedTopics(cluster: Cluster, wanted: WantedTopics): Promise<TopicMetadata[]> {
  if (typeof wanted === "function") {
    return (await cluster.allTopics()).filter((one) => !isInternal(one) && wanted(one.topic));
  }
  const found = await cluster.namedTopics(wanted);
  for (const { topic, topicErrorCode } of found) {
    if (topicErrorCode === CODE.UNKNOWN_TOPIC_OR_PARTITION) continue;
    expectSuccess(topicErrorCode, `The topic "${topic}"`, denialOf(topicErrorCode, "Metadata", { topic }));
  }
  return found.filter(({ topicErrorCode }) => topicErrorCode === 0);
}

function isInternal({ topic, isInternal }: TopicMetadata): boolean {
  return isInternal || topic.startsWith("__");
}

/** The offsets of a partition without a leader cannot be looked up. */
function ledPartitions({ topic, partitionMetadata }: TopicMetadata) {
  return partitionMetadata.filter(({ leader }) => leader >= 0)
    .map(({ partitionId, leader }) => ({ topic, partition: partitionId, leader }))
    .sort((a, b) => a.partition - b.partition);
}

function index(positions: readonly TopicPosition[]): Map<string, number> {
  return new Map(positions.map((position) => [nameOf(position), position.offset]));
}

/**
 * The size of the largest record batch that a topic accepts, in bytes.
 *
 * @returns `max.message.bytes` of the topic, which defaults to `message.max.bytes` of the broker; `null` if
 * it cannot be read.
 */
export async function maxBatchBytes(cluster: Cluster, topic: string): Promise<number | null> {
  const value = (await readConfig(cluster, [topic], "max.message.bytes")).get(topic);
  return value === undefined ? null : Number(value);
}

/**
 * Refuses topics of which Kafka removes messages before a group has read them.
 *
 * @throws {BusError} `invalid`.
 */
export async function expectUncompacted(cluster: Cluster, topics: readonly string[]): Promise<void> {
  for (const [topic, policy] of await readConfig(cluster, topics, CLEANUP_POLICY)) {
    if (!policy.includes("compact")) continue;
    throw new BusError(
      "invalid",
      `Cannot process the topic "${topic}" in a group: its cleanup.policy is ${policy}, so Kafka removes messages that ` +
        "have the key of a later one before they are read; expected cleanup.policy=delete",
    );
  }
}

/** A setting of topics; without an entry where it cannot be read, since that needs a permission of its own. */
async function readConfig(
  cluster: Cluster,
  topics: readonly string[],
  name: string,
): Promise<Map<string, string>> {
  const node = topics.map((topic) => cluster.leader(topic, 0)).find((leader) => leader !== undefined);
  if (node === undefined) return new Map();
  try {
    const resources = topics.map((topic) => ({ type: TOPIC_RESOURCE, name: topic, configNames: [name] }));
    const answer = await cluster.request(node, "admin", "DescribeConfigs", { resources });
    return new Map(
      answer.resources.flatMap(({ resourceName, configEntries }) =>
        configEntries.filter(({ configName }) => configName === name)
          .map(({ configValue }) => [resourceName, configValue] as const)
      ),
    );
  } catch (error) {
    if (error instanceof BusError && error.code === "closed") throw error;
    return new Map();
  }
}
