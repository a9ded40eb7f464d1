import type { CommittedMessage } from "../../transport.ts";
import { BusError } from "../../errors.ts";
import { denialOf } from "../wire/denial.ts";
import { CODE, ConnectionFault, expectSuccess, isCode, isRetriable, toBusError } from "../wire/faults.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { produce, PRODUCE_TIMEOUT_MS, produceFault, takeBatches, tooLarge } from "../producer/produce.ts";
import { RecordQueue } from "../producer/record_queue.ts";
import { type RecordToSend, toRecord } from "../wire/record_batch.ts";
import { byLeader, byTopic, maxBatchBytes, nameOf, noLeader, type TopicPosition } from "../topics.ts";
import type { Api } from "../wire/requests.ts";
import type { TransactionalProducer } from "./transactional_producer.ts";

/** Ending a transaction takes the coordinator some milliseconds, during which it rejects the next one. */
const INITIAL_BACKOFF_MS = 3;
const MAX_BACKOFF_MS = 1_000;
const MAX_SEQUENCE = 2 ** 31;
/** This producer was fenced, or the coordinator has ended the transaction: the outcome is open. */
const ENDED_CODES = [
  CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  CODE.INVALID_PRODUCER_EPOCH,
  48, // INVALID_TXN_STATE
  CODE.INVALID_PRODUCER_ID_MAPPING,
  CODE.UNKNOWN_PRODUCER_ID,
  90, // PRODUCER_FENCED
  120, // TRANSACTION_ABORTABLE
];

/** A record of a transaction. */
interface CommittedRecord {
  readonly record: RecordToSend;
  readonly from: CommittedMessage;
}

type Part = RecordQueue<CommittedRecord>;

/**
 * Stores messages and a position in one transaction.
 *
 * @param producer Runs one transaction at a time.
 * @param position Of the group.
 * @param messages Within the limits of this side.
 * @param over Ends the attempt, with an open outcome.
 * @returns `null` if everything is stored. If nothing is, and the next transaction can run, the reason:
 * `too_large`, `denied`, `invalid`.
 * @throws Anything else: the outcome is open, and the producer must not be used again.
 */
export async function runTransaction(
  producer: TransactionalProducer,
  position: TopicPosition,
  messages: readonly CommittedMessage[],
  over: AbortSignal,
): Promise<BusError | null> {
  const transaction = new Transaction(producer, over);
  try {
    await transaction.send(messages);
    await transaction.commitPosition(position);
  } catch (error) {
    // Losing the claim closes the connections, which is no rejection of the messages.
    if (!(error instanceof BusError) || over.aborted) throw error;
    await transaction.end(false);
    return error;
  }
  await transaction.end(true);
  return null;
}

/**
 * One transaction. Each step is retried while its faults are retriable: brokers recognise repeated batches by
 * their sequence numbers.
 *
 * A `BusError` means that the brokers reject the messages: the transaction can be aborted. After any other
 * error the outcome is open: it may have been committed, aborted, or still be open. Only fencing, by a new
 * producer with the same id, settles it.
 */
export class Transaction {
  readonly #producer: TransactionalProducer;
  readonly #over: AbortSignal;
  readonly #parts = new Map<string, Part>();
  readonly #added = new Set<Part>();
  #isBegun = false;
  #rejection: BusError | null = null;

  /** @param over Ends it, with an open outcome. */
  constructor(producer: TransactionalProducer, over: AbortSignal) {
    this.#producer = producer;
    this.#over = over;
  }

  /** Sends messages; those of a partition keep their order. */
  async send(messages: readonly CommittedMessage[]): Promise<void> {
    for (const message of messages) await this.#place(message);
    await this.#addPartitions();
    await this.#sendAll();
    if (this.#rejection) throw this.#rejection;
  }

  /**
   * Sends all batches before a rejection is thrown: until it is known which of the others were stored, the
   * next sequence numbers are not known, and no further transaction could run. So an error here leaves the
   * outcome open.
   */
  async #sendAll(): Promise<void> {
    try {
      while (this.#unsent.length > 0) await this.#retry(() => this.#sendOnce());
    } catch (cause) {
      if (!(cause instanceof BusError)) throw cause;
      throw new ConnectionFault(cause.message, { cause });
    }
  }

  /** Commits the position of the group. */
  async commitPosition({ topic, partition, offset }: TopicPosition): Promise<void> {
    const { group: groupId } = this.#producer.settings;
    await this.#retry(async () => {
      const { errorCode } = await this.#producer.ask("transaction", "AddOffsetsToTxn", { groupId });
      this.#expectSuccess(errorCode, `The position of ${topic} ${partition}`, "AddOffsetsToTxn");
    });
    this.#isBegun = true;
    await this.#retry(async () => {
      const topics = [{ topic, partitions: [{ partition, offset, metadata: "" }] }];
      const answer = await this.#producer.ask("group", "TxnOffsetCommit", { groupId, topics });
      const code = answer.topics[0]?.partitions[0]?.errorCode;
      this.#expectSuccess(code, `The position of ${topic} ${partition}`, "TxnOffsetCommit", topic);
    });
  }

  /** Commits (`true`) or aborts it. */
  async end(transactionResult: boolean): Promise<void> {
    if (!this.#isBegun) return;
    await this.#retry(async () => {
      const { errorCode } = await this.#producer.ask("transaction", "EndTxn", { transactionResult });
      this.#expectSuccess(errorCode, "The end of a transaction", "EndTxn");
    });
  }

  get #unsent(): Part[] {
    return [...this.#parts.values()].filter(({ isIdle }) => !isIdle);
  }

  async #place(from: CommittedMessage): Promise<void> {
    const { cluster, partitioner, settings } = this.#producer;
    const { topic } = from;
    if (cluster.partitions(topic) === 0) await this.#retry(() => settings.ensure(topic));
    const record = toRecord(from.message);
    const hasLeader = (partition: number) => cluster.leader(topic, partition) !== undefined;
    const partition = partitioner.choose(topic, record.key, cluster.partitions(topic), hasLeader);
    const place = { topic, partition };
    const part = this.#parts.get(nameOf(place)) ?? new RecordQueue(place);
    this.#parts.set(nameOf(place), part);
    part.push({ record, from });
  }

  /** Adds new partitions to the transaction at the coordinator. */
  async #addPartitions(): Promise<void> {
    const fresh = [...this.#parts.values()].filter((part) => !this.#added.has(part));
    if (fresh.length === 0) return;
    const topics = byTopic(fresh).map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => partition),
    }));
    await this.#retry(async () => {
      const { errors } = await this.#producer.ask("transaction", "AddPartitionsToTxn", { topics });
      const codes = errors.flatMap(({ topic, partitionErrors }) =>
        partitionErrors.map((one) => ({ topic, ...one }))
      ).filter(({ errorCode }) => errorCode !== 0);
      const [first] = codes.filter(({ errorCode }) => errorCode !== CODE.OPERATION_NOT_ATTEMPTED);
      const { errorCode, topic } = first ?? codes[0] ?? { errorCode: 0 };
      this.#expectSuccess(errorCode, `Topic "${topic}"`, "AddPartitionsToTxn", topic);
    });
    this.#isBegun = true;
    for (const part of fresh) this.#added.add(part);
  }

  /** One batch to each partition, one request to each broker. */
  async #sendOnce(): Promise<void> {
    const requests = [...byLeader(this.#producer.cluster, this.#unsent)].map(([leader, parts]) =>
      this.#produce(leader, parts)
    );
    for (const one of await Promise.allSettled(requests)) if (one.status === "rejected") throw one.reason;
  }

  async #produce(leader: number | undefined, parts: readonly Part[]): Promise<void> {
    if (leader === undefined) throw noLeader(parts[0]!);
    const { cluster, identity, settings: { purpose, compression }, sequences } = this.#producer;
    const codes = await produce(cluster, takeBatches(parts), {
      leader,
      purpose,
      timeoutMs: PRODUCE_TIMEOUT_MS,
      compression,
      transactionalId: identity.transactionalId,
      originOf: (part) => ({ ...identity, sequence: sequences.get(nameOf(part)) ?? 0 }),
    });
    const settled = [...codes].map(([name, code]) => this.#settle(this.#parts.get(name)!, code));
    for (const one of await Promise.allSettled(settled)) if (one.status === "rejected") throw one.reason;
  }

  async #settle(part: Part, code: number): Promise<void> {
    try {
      await this.#apply(part, code);
    } catch (error) {
      const rejected = rejection(error);
      if (isRetriable(error) || !(rejected instanceof BusError)) throw error;
      this.#rejection ??= rejected;
      part.settle();
      part.drop(() => true);
    }
  }

  async #apply(part: Part, code: number): Promise<void> {
    if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
      return await this.#divide(part);
    }
    if (code !== 0 && code !== CODE.DUPLICATE_SEQUENCE_NUMBER) throw produceFault(part.topic, code);
    const { sequences } = this.#producer;
    const name = nameOf(part);
    sequences.set(name, ((sequences.get(name) ?? 0) + part.settle().length) % MAX_SEQUENCE);
  }

  /** Nothing of a batch that is too large was stored. If it has a single record, its fallback is used. */
  async #divide(part: Part): Promise<void> {
    const { topic, pending } = part;
    const limit = await maxBatchBytes(this.#producer.cluster, topic);
    if (pending.length > 1) return part.divide(limit);
    const [{ record, from }] = part.settle() as [CommittedRecord];
    if (!from.fallback) throw tooLarge(topic, record, limit);
    await this.#place({ topic, message: from.fallback() });
    await this.#addPartitions();
  }

  #expectSuccess(code: number | undefined, about: string, api: Api, topic?: string): void {
    const { identity: { transactionalId }, settings: { group } } = this.#producer;
    expectSuccess(code, about, denialOf(code, api, { topic, group, transactionalId }));
  }

  async #retry(step: () => Promise<void>): Promise<void> {
    const { cluster, settings } = this.#producer;
    const backoff = new Backoff({ initialMs: INITIAL_BACKOFF_MS, maxMs: MAX_BACKOFF_MS });
    for (;;) {
      this.#over.throwIfAborted();
      try {
        return await step();
      } catch (error) {
        if (!isRetriable(error)) throw rejection(error);
        await backoff.wait(this.#over);
        if (isCode(error, CODE.CONCURRENT_TRANSACTIONS)) continue;
        this.#producer.forgetCoordinators();
        await cluster.recover();
        if (isCode(error, CODE.UNKNOWN_TOPIC_OR_PARTITION)) await this.#createTopics(settings.ensure);
      }
    }
  }

  /** A topic was deleted while it was in use. */
  async #createTopics(ensure: (topic: string) => Promise<void>): Promise<void> {
    const { cluster } = this.#producer;
    for (const topic of new Set([...this.#parts.values()].map(({ topic }) => topic))) {
      cluster.forget(topic);
      await ensure(topic).catch(() => {});
    }
  }
}

/** Rejected messages are an error of the caller, unless this producer no longer owns the transaction. */
function rejection(error: unknown): unknown {
  return isCode(error, ...ENDED_CODES) ? error : toBusError(error, "Cannot commit");
}
