import { setImmediate } from "node:timers";
import { BusError } from "../../errors.ts";
import type { OutgoingMessage } from "../../transport.ts";
import { ByteSemaphore } from "./byte_semaphore.ts";
import { closedError, type Cluster } from "../net/cluster.ts";
import { BrokerFault, CODE, ConnectionFault, isRetriable, toBusError } from "../wire/faults.ts";
import { Partitioner } from "./partitioner.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { sleep } from "../../../../lib/sleep.ts";
import { encodeRecordBatch, type RecordToSend, toRecord } from "../wire/record_batch.ts";
import { PartitionQueue, type PendingRecord, Sending } from "./sending.ts";
import { byTopic, maxBatchBytes, nameOf } from "../topics.ts";

/** How a producer works. */
export interface ProducerSettings {
  /** After so long without progress a send fails. */
  readonly sendTimeoutMs: number;
  /** Makes a topic that does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/** Below the 1,048,588 bytes that brokers take of a topic that says nothing. */
const BATCH_BYTES = 1_000_000;
/** Brokers read up to 104,857,600 bytes a request. */
const REQUEST_BYTES = 16 * 2 ** 20;
/** How long a broker may wait for its replicas. */
const ACK_TIMEOUT_MS = 20_000;
const MAX_PENDING_BYTES = 64 * 2 ** 20;
const PURPOSE = "produce";

/**
 * Sends records: what comes while a request to a broker is under way goes with the next one.
 *
 * It is not an idempotent producer in Kafka's sense. Receivers must know repeated ids anyway, since a send whose answer
 * was lost is repeated by the caller too; one batch a partition at a time keeps the order; and a batch that is split,
 * or given up after its timeout, would need a new producer id each time.
 */
export class Producer {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #partitioner = new Partitioner();
  readonly #queues = new Map<string, PartitionQueue>();
  /** The queues that are not idle, those that were served longest ago first. */
  readonly #active = new Set<PartitionQueue>();
  /** For each topic the admission of the last call: calls are admitted one after the other. */
  readonly #admissions = new Map<string, Promise<void>>();
  readonly #open = new Set<Sending>();
  readonly #admitting = new Set<Sending>();
  readonly #busy = new Set<number>();
  readonly #backoffs = new Map<number, Backoff>();
  readonly #room = new ByteSemaphore(MAX_PENDING_BYTES);
  #progressedAt = 0;
  #isScheduled = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #lastFault: unknown;

  constructor(cluster: Cluster, settings: ProducerSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /**
   * Sends messages that have been checked.
   *
   * @returns When all are stored.
   * @throws {BusError} `unavailable`, `too_large`, `denied`, `closed`, `invalid`; the signal's reason.
   */
  async send(topic: string, messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void> {
    if (messages.length === 0) return await this.#settings.ensure(topic);
    const sending = new Sending(messages.length);
    const abort = () => this.#fail(sending, signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#begin(sending);
    const before = this.#admissions.get(topic) ?? Promise.resolve();
    this.#admissions.set(topic, before.then(() => this.#admit(topic, messages.map(toRecord), sending)));
    try {
      return await sending.outcome;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#end(sending);
    }
  }

  #begin(sending: Sending): void {
    this.#open.add(sending);
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.min(1_000, this.#settings.sendTimeoutMs / 4));
  }

  #end(sending: Sending): void {
    this.#open.delete(sending);
    if (this.#open.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  async #admit(topic: string, records: readonly RecordToSend[], sending: Sending): Promise<void> {
    this.#admitting.add(sending);
    try {
      for (const record of records) {
        if (this.#cluster.partitions(topic) === 0) await this.#settings.ensure(topic);
        const { bytes } = record;
        if (!this.#room.tryAcquire(bytes)) await this.#room.acquire(bytes, () => sending.isSettled);
        if (sending.isSettled) return this.#room.release(bytes);
        this.#enqueue(topic, { record, sending });
      }
    } catch (error) {
      this.#lastFault = error;
      this.#fail(sending, toBusError(error, `Messages for "${topic}" can't be stored`));
    } finally {
      this.#admitting.delete(sending);
    }
  }

  #enqueue(topic: string, pending: PendingRecord): void {
    const partition = this.#partitioner.choose(topic, pending.record.key, this.#cluster.partitions(topic));
    const name = nameOf({ topic, partition });
    let queue = this.#queues.get(name);
    if (!queue) this.#queues.set(name, queue = new PartitionQueue(topic, partition, BATCH_BYTES));
    queue.push(pending);
    this.#active.add(queue);
    this.#schedule();
  }

  /** Lets all sends of this turn of the event loop go with one request. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const ready = [...this.#active].filter(({ isReady }) => isReady);
    const leaderOf = ({ topic, partition }: PartitionQueue) => this.#cluster.leader(topic, partition) ?? -1;
    for (const [leader, queues] of Map.groupBy(ready, leaderOf)) {
      if (!this.#busy.has(leader)) this.#serve(leader, queues);
    }
  }

  /** One request to one broker. `-1` stands for the one that is to be elected. */
  async #serve(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    this.#busy.add(leader);
    try {
      const fault = leader < 0 ? noLeader(queues[0]!) : await this.#produce(leader, takeBatches(queues));
      if (fault === undefined) this.#backoffs.delete(leader);
      else await this.#recover(leader, fault);
    } catch (error) {
      // The cluster was closed, or will not get better: nothing that waits can be stored.
      for (const sending of this.#open) sending.fail(error);
      this.#purge();
    } finally {
      this.#busy.delete(leader);
      this.#pump();
    }
  }

  async #recover(leader: number, fault: unknown): Promise<void> {
    this.#lastFault = fault;
    const backoff = this.#backoffs.get(leader) ?? new Backoff();
    this.#backoffs.set(leader, backoff);
    await backoff.wait(this.#cluster.closed);
    await this.#cluster.recover();
  }

  /**
   * Sends the batches under way.
   *
   * @returns Why some of them are to be repeated after a pause, if so.
   */
  async #produce(leader: number, queues: readonly PartitionQueue[]): Promise<unknown> {
    try {
      const codes = await this.#request(leader, queues);
      let fault: unknown;
      for (const queue of queues) fault = await this.#settle(queue, codes.get(nameOf(queue)) ?? -1) ?? fault;
      return fault;
    } catch (error) {
      for (const queue of queues) {
        if (isRetriable(error)) this.#repeat(queue);
        else this.#reject(queue, toBusError(error, "Messages can't be stored"));
      }
      if (isRetriable(error)) return error;
    }
  }

  async #request(leader: number, queues: readonly PartitionQueue[]): Promise<Map<string, number>> {
    const timeout = Math.min(this.#settings.sendTimeoutMs, ACK_TIMEOUT_MS);
    const { crc32c } = this.#cluster.protocol;
    const batches = queues.map(({ topic, partition, underWay }) => {
      const records = underWay.map(({ record }) => record);
      return { topic, partition, batch: encodeRecordBatch(records, Date.now(), crc32c) };
    });
    const payload = { acks: -1, timeout, topicData: byTopic(batches) } as const;
    const { topics } = await this.#cluster.request(leader, PURPOSE, "Produce", payload);
    return new Map(
      topics.flatMap(({ topicName, partitions }) =>
        partitions.map(({ partition, errorCode }) =>
          [nameOf({ topic: topicName, partition }), errorCode] as const
        )
      ),
    );
  }

  /** @returns The fault, when the batch is to be repeated after a pause. */
  async #settle(queue: PartitionQueue, code: number): Promise<unknown> {
    if (code === 0) return this.#store(queue);
    if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
      return await this.#divide(queue);
    }
    const fault = new BrokerFault(code, `Messages for "${queue.topic}"`);
    if (!isRetriable(fault)) return this.#reject(queue, toBusError(fault, "Kafka refused them"));
    if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) await this.#makeAgain(queue.topic);
    this.#repeat(queue);
    return fault;
  }

  #store(queue: PartitionQueue): void {
    queue.progressedAt = this.#progressedAt = performance.now();
    const stored = queue.underWay;
    this.#release(queue);
    for (const { sending } of stored) sending.stored();
  }

  /** The limit is on the batch: only a record that is alone in it and still too large is refused. */
  async #divide(queue: PartitionQueue): Promise<void> {
    const { topic, underWay } = queue;
    const limit = await maxBatchBytes(this.#cluster, topic);
    if (underWay.length === 1) return this.#reject(queue, tooLarge(topic, underWay[0]!.record, limit));
    queue.shrink(Math.min(limit ?? Infinity, Math.floor(queue.batchBytes / 2)));
    this.#repeat(queue);
  }

  /** The topic was deleted while it was in use. */
  async #makeAgain(topic: string): Promise<void> {
    this.#cluster.forget(topic);
    await this.#settings.ensure(topic).catch(() => {});
  }

  #repeat(queue: PartitionQueue): void {
    queue.putBack();
    this.#purge();
  }

  #reject(queue: PartitionQueue, error: unknown): void {
    const rejected = queue.underWay;
    this.#release(queue);
    for (const { sending } of rejected) sending.fail(error);
    this.#purge();
  }

  #release(queue: PartitionQueue): void {
    const released = queue.underWay;
    queue.underWay = [];
    this.#active.delete(queue);
    if (!queue.isIdle) this.#active.add(queue);
    this.#free(released);
  }

  #free(records: readonly PendingRecord[]): void {
    this.#room.release(records.reduce((sum, { record }) => sum + record.bytes, 0));
  }

  #purge(): void {
    for (const queue of this.#active) {
      this.#free(queue.purge());
      if (queue.isIdle) this.#active.delete(queue);
    }
  }

  #fail(sending: Sending, error: unknown): void {
    sending.fail(error);
    this.#purge();
  }

  /** Gives up what has waited for too long without any progress. */
  #sweep(): void {
    const late = performance.now() - this.#settings.sendTimeoutMs;
    for (const sending of this.#admitting) {
      if (sending.since < late && this.#progressedAt < late) sending.fail(this.#timeout());
    }
    for (const queue of this.#active) {
      if (queue.progressedAt > late) continue;
      for (const { sending } of queue.pending()) {
        if (sending.since < late) sending.fail(this.#timeout());
      }
    }
    this.#purge();
  }

  #timeout(): BusError {
    const { name } = this.#cluster;
    const cause = this.#lastFault ?? new ConnectionFault("no answer");
    const reason = (cause as Error).message;
    const message = `Not stored by ${name} within ${this.#settings.sendTimeoutMs} ms: ${reason}`;
    return new BusError("unavailable", message, { cause });
  }

  /** Resolves when every send under way is settled, at most after some time. */
  async flush(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const outcomes = [...this.#open].map(({ outcome }) => outcome);
    await Promise.race([Promise.allSettled(outcomes), sleep(timeoutMs, late.signal)]);
    late.abort();
  }

  /** Fails every send under way. */
  close(): void {
    for (const sending of this.#open) sending.fail(closedError());
    this.#purge();
  }
}

/** As much as goes into one request: at least one batch. */
function takeBatches(queues: readonly PartitionQueue[]): PartitionQueue[] {
  const taken: PartitionQueue[] = [];
  let bytes = 0;
  for (const queue of queues) {
    if (bytes >= REQUEST_BYTES) break;
    for (const { record } of queue.take()) bytes += record.bytes;
    taken.push(queue);
  }
  return taken;
}

function noLeader({ topic, partition }: PartitionQueue): BrokerFault {
  return new BrokerFault(CODE.LEADER_NOT_AVAILABLE, `Partition ${partition} of "${topic}"`);
}

/**
 * The error for a record that a topic does not take.
 *
 * @param topic The topic.
 * @param record The record.
 * @param limit The most bytes that the topic takes, where that is known.
 */
export function tooLarge(topic: string, record: RecordToSend, limit: number | null): BusError {
  const setting = "max.message.bytes (message.max.bytes of the broker)";
  return new BusError(
    "too_large",
    `The message for "${topic}" has ${record.value.length} bytes, ${record.bytes} with key, headers and lengths, ` +
      `and the topic's ${setting} is ${limit ?? "less"}: send a smaller one or raise it`,
  );
}
