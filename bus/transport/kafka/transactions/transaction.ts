import type { Buffer } from "node:buffer";
import type { CommittedMessage } from "../../transport.ts";
import { BusError } from "../../errors.ts";
import {
  BrokerFault,
  CODE,
  ConnectionFault,
  expectSuccess,
  isCode,
  isRetriable,
  toBusError,
} from "../wire/faults.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { tooLarge } from "../producer/producer.ts";
import { encodeRecordBatch, toRecord } from "../wire/record_batch.ts";
import { byTopic, maxBatchBytes, nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import type { TransactionHost } from "./transaction_host.ts";
import { TransactionPart } from "./transaction_part.ts";

/** Below the 1,048,588 bytes that brokers take of a topic that says nothing. */
const BATCH_BYTES = 1_000_000;
/** Brokers read up to 104,857,600 bytes a request. */
const REQUEST_BYTES = 16 * 2 ** 20;
const ACK_TIMEOUT_MS = 20_000;
/** The end of a transaction takes the coordinator some milliseconds, and until then it refuses the next one. */
const INITIAL_BACKOFF_MS = 3;
const MAX_BACKOFF_MS = 1_000;
const MAX_SEQUENCE = 2 ** 31;
/** Somebody else, the coordinator among others, has ended it. */
const ENDED_CODES = [
  45, // OUT_OF_ORDER_SEQUENCE_NUMBER
  47, // INVALID_PRODUCER_EPOCH
  48, // INVALID_TXN_STATE
  49, // INVALID_PRODUCER_ID_MAPPING
  59, // UNKNOWN_PRODUCER_ID
  90, // PRODUCER_FENCED
  120, // TRANSACTION_ABORTABLE
];

/**
 * One transaction. Each step is repeated while waiting can recover its failure: the brokers know what they have had already, by
 * the numbers of the batches.
 *
 * All methods throw a `BusError` for what is wrong with the messages; after anything else the outcome is open.
 */
export class Transaction {
  readonly #producer: TransactionHost;
  readonly #over: AbortSignal;
  readonly #parts = new Map<string, TransactionPart>();
  readonly #added = new Set<TransactionPart>();
  #isBegun = false;
  #refusal: BusError | null = null;

  /** @param over Ends it, with the outcome open. */
  constructor(producer: TransactionHost, over: AbortSignal) {
    this.#producer = producer;
    this.#over = over;
  }

  /** Sends messages, each partition's in their order. */
  async send(messages: readonly CommittedMessage[]): Promise<void> {
    for (const message of messages) await this.#place(message);
    await this.#add();
    await this.#sendAll();
    if (this.#refusal) throw this.#refusal;
  }

  /**
   * Refusals wait until it is known of every other batch whether it was stored: their numbers must not be given again. So what
   * is thrown here leaves the outcome open.
   */
  async #sendAll(): Promise<void> {
    try {
      while (this.#unsent.length > 0) await this.#persist(() => this.#sendOnce());
    } catch (cause) {
      if (!(cause instanceof BusError)) throw cause;
      throw new ConnectionFault(cause.message, { cause });
    }
  }

  /** Commits for the group. */
  async commitPosition({ topic, partition, offset }: TopicPosition): Promise<void> {
    const { group: groupId } = this.#producer.settings;
    await this.#persist(async () => {
      const { errorCode } = await this.#producer.ask("transaction", "AddOffsetsToTxn", { groupId });
      expectSuccess(errorCode, `The position of ${topic} ${partition}`);
    });
    this.#isBegun = true;
    await this.#persist(async () => {
      const topics = [{ topic, partitions: [{ partition, offset, metadata: "" }] }];
      const answer = await this.#producer.ask("group", "TxnOffsetCommit", { groupId, topics });
      const code = answer.topics[0]?.partitions[0]?.errorCode;
      expectSuccess(code, `The position of ${topic} ${partition}`);
    });
  }

  /** Ends it: all of it becomes visible, or nothing. */
  async end(transactionResult: boolean): Promise<void> {
    if (!this.#isBegun) return;
    await this.#persist(async () => {
      const { errorCode } = await this.#producer.ask("transaction", "EndTxn", { transactionResult });
      expectSuccess(errorCode, "The end of a transaction");
    });
  }

  get #unsent(): TransactionPart[] {
    return [...this.#parts.values()].filter(({ isDone }) => !isDone);
  }

  async #place(message: CommittedMessage): Promise<void> {
    const { cluster, partitioner, settings } = this.#producer;
    const { topic } = message;
    // Who leads a topic that is known only because all were listed is forgotten at the next refresh.
    cluster.watch([topic]);
    if (cluster.partitions(topic) === 0) await this.#persist(() => settings.ensure(topic));
    const { key } = toRecord(message.message);
    const place = { topic, partition: partitioner.choose(topic, key, cluster.partitions(topic)) };
    const part = this.#parts.get(nameOf(place)) ?? new TransactionPart(place, BATCH_BYTES);
    this.#parts.set(nameOf(place), part);
    part.add(message);
  }

  /** Tells the coordinator of partitions that it does not know to be part of this. */
  async #add(): Promise<void> {
    const fresh = [...this.#parts.values()].filter((part) => !this.#added.has(part));
    if (fresh.length === 0) return;
    const topics = byTopic(fresh).map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => partition),
    }));
    await this.#persist(async () => {
      const { errors } = await this.#producer.ask("transaction", "AddPartitionsToTxn", { topics });
      const codes = errors.flatMap(({ topic, partitionErrors }) =>
        partitionErrors.map((one) => ({ topic, ...one }))
      ).filter(({ errorCode }) => errorCode !== 0);
      const [first] = codes.filter(({ errorCode }) => errorCode !== CODE.OPERATION_NOT_ATTEMPTED);
      expectSuccess((first ?? codes[0])?.errorCode, `A transaction with ${(first ?? codes[0])?.topic}`);
    });
    this.#isBegun = true;
    for (const part of fresh) this.#added.add(part);
  }

  /** One batch to each partition, one request to each broker. */
  async #sendOnce(): Promise<void> {
    const { cluster } = this.#producer;
    const leaderOf = ({ topic, partition }: TopicPartition) => cluster.leader(topic, partition) ?? -1;
    const requests = [...Map.groupBy(this.#unsent, leaderOf)].map(([leader, parts]) =>
      this.#produce(leader, parts)
    );
    for (const one of await Promise.allSettled(requests)) if (one.status === "rejected") throw one.reason;
  }

  async #produce(leader: number, parts: readonly TransactionPart[]): Promise<void> {
    if (leader < 0) throw new BrokerFault(CODE.LEADER_NOT_AVAILABLE, nameOf(parts[0]!));
    const { cluster, identity: { transactionalId }, settings } = this.#producer;
    const topicData = byTopic(this.#encode(parts));
    const payload = { transactionalId, acks: -1, timeout: ACK_TIMEOUT_MS, topicData } as const;
    const { topics } = await cluster.request(leader, settings.purpose, "Produce", payload);
    const answers = topics.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ partition, errorCode }) => [nameOf({ topic, partition }), errorCode] as const)
    );
    const settled = answers.map(([name, code]) => this.#settle(this.#parts.get(name)!, code));
    for (const one of await Promise.allSettled(settled)) if (one.status === "rejected") throw one.reason;
  }

  /** As many batches as go into one request, at least one. */
  #encode(parts: readonly TransactionPart[]): { topic: string; partition: number; batch: Buffer }[] {
    const { cluster: { protocol }, identity, sequences } = this.#producer;
    const batches = [];
    for (let bytes = 0, i = 0; i < parts.length && bytes < REQUEST_BYTES; i++) {
      const part = parts[i]!;
      const { topic, partition } = part;
      const origin = { ...identity, sequence: sequences.get(nameOf(part)) ?? 0 };
      const batch = encodeRecordBatch(part.batch(), Date.now(), protocol.crc32c, origin);
      batches.push({ topic, partition, batch });
      bytes += batch.length;
    }
    return batches;
  }

  async #settle(part: TransactionPart, code: number): Promise<void> {
    try {
      await this.#take(part, code);
    } catch (error) {
      const told = refusal(error);
      if (isRetriable(error) || !(told instanceof BusError)) throw error;
      this.#refusal ??= told;
      part.giveUp();
    }
  }

  async #take(part: TransactionPart, code: number): Promise<void> {
    const { topic } = part;
    if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
      return await this.#divide(part);
    }
    if (code !== CODE.DUPLICATE_SEQUENCE_NUMBER) expectSuccess(code, `Messages for "${topic}"`);
    const { sequences } = this.#producer;
    const name = nameOf(part);
    sequences.set(name, ((sequences.get(name) ?? 0) + part.stored()) % MAX_SEQUENCE);
  }

  /** Nothing of a batch that is too large was stored. What is too large alone is replaced. */
  async #divide(part: TransactionPart): Promise<void> {
    const { topic, first } = part;
    const limit = await maxBatchBytes(this.#producer.cluster, topic);
    const refused = part.divide(limit);
    if (!refused) return;
    if (!refused.fallback) throw tooLarge(topic, first, limit);
    await this.#place({ topic, message: refused.fallback() });
    await this.#add();
  }

  async #persist(step: () => Promise<void>): Promise<void> {
    const { cluster, settings } = this.#producer;
    const backoff = new Backoff({ initialMs: INITIAL_BACKOFF_MS, maxMs: MAX_BACKOFF_MS });
    for (;;) {
      this.#over.throwIfAborted();
      try {
        return await step();
      } catch (error) {
        if (!isRetriable(error)) throw refusal(error);
        await backoff.wait(this.#over);
        if (isCode(error, CODE.CONCURRENT_TRANSACTIONS)) continue;
        this.#producer.forgetCoordinators();
        await cluster.recover();
        if (isCode(error, CODE.UNKNOWN_TOPIC_OR_PARTITION)) await this.#makeTopics(settings.ensure);
      }
    }
  }

  /** A topic was deleted while it was in use. */
  async #makeTopics(ensure: (topic: string) => Promise<void>): Promise<void> {
    const { cluster } = this.#producer;
    for (const topic of new Set([...this.#parts.values()].map(({ topic }) => topic))) {
      cluster.forget(topic);
      await ensure(topic).catch(() => {});
    }
  }
}

/** What the brokers do not let through is the caller's business, unless this is no longer the transaction's owner. */
function refusal(error: unknown): unknown {
  return isCode(error, ...ENDED_CODES) ? error : toBusError(error, "The transaction was refused");
}
