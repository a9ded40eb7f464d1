import { setImmediate } from "node:timers";
import { BusError } from "../../errors.ts";
import type { OutgoingMessage } from "../../transport.ts";
import { ByteSemaphore } from "./byte_semaphore.ts";
import { closedError, type Cluster } from "../net/cluster.ts";
import { CODE, ConnectionFault, isRetriable, toBusError } from "../wire/faults.ts";
import { abortable } from "../../../../lib/abortable.ts";
import {
  produce,
  PRODUCE_TIMEOUT_MS,
  produceFault,
  type ProduceOptions,
  takeBatches,
  tooLarge,
} from "./produce.ts";
import { Partitioner } from "../../partitioner.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import type { Compression } from "../wire/codecs.ts";
import { type RecordToSend, toRecord } from "../wire/record_batch.ts";
import { RecordQueue } from "./record_queue.ts";
import { Sequences } from "./sequences.ts";
import { Sending } from "./sending.ts";
import { byLeader, maxBatchBytes, nameOf, noLeader } from "../topics.ts";

/** Settings of a producer. */
export interface ProducerSettings {
  /** A send fails after this long without progress, in milliseconds. */
  readonly sendTimeoutMs: number;
  /** Whether brokers recognise what is sent again. */
  readonly idempotence: boolean;
  readonly compression: Compression;
  /** Creates a topic if it does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/** A record that is not stored yet. */
interface PendingRecord {
  readonly record: RecordToSend;
  readonly sending: Sending;
}

type Queue = RecordQueue<PendingRecord>;

function isSettled(batch: readonly PendingRecord[]): boolean {
  return batch.length > 0 && batch.every(({ sending }) => sending.isSettled);
}

/** The broker has lost what it knew of the producer in this partition, or what was stored last. */
const LOST_CODES: readonly number[] = [
  CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  CODE.INVALID_PRODUCER_EPOCH,
  CODE.INVALID_PRODUCER_ID_MAPPING,
  CODE.UNKNOWN_PRODUCER_ID,
];

const MAX_PENDING_BYTES = 64 * 2 ** 20;
const PURPOSE = "produce";

/**
 * Sends records: those that arrive while a request to a broker is pending are part of the next one.
 *
 * One batch per partition is pending. When its response was lost it is sent again as it is, and the brokers recognise it
 * by its number (`idempotence`). Receivers must recognise repeated ids all the same, since callers also retry a send that
 * was rejected.
 */
export class Producer {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #partitioner = new Partitioner();
  readonly #sequences: Sequences | null;
  readonly #queues = new Map<string, Queue>();
  /** The queues that are not idle; least recently served first. */
  readonly #active = new Set<Queue>();
  /** The last admission of each topic: calls are admitted in order. */
  readonly #admissions = new Map<string, Promise<void>>();
  readonly #open = new Set<Sending>();
  readonly #admitting = new Set<Sending>();
  /** By the id of the broker; `undefined` for partitions without a leader. */
  readonly #busy = new Set<number | undefined>();
  readonly #backoffs = new Map<number | undefined, Backoff>();
  readonly #room = new ByteSemaphore(MAX_PENDING_BYTES);
  #progressedAt = 0;
  #isScheduled = false;
  readonly #sweeper: ReturnType<typeof setInterval>;
  #lastFault: unknown;

  constructor(cluster: Cluster, settings: ProducerSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#sequences = settings.idempotence ? new Sequences(cluster) : null;
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(1_000, settings.sendTimeoutMs / 4));
    Deno.unrefTimer(this.#sweeper);
  }

  /**
   * Sends messages that have been checked.
   *
   * @returns Once all are stored.
   * @throws {BusError} `unavailable`, `too_large`, `denied`, `closed`, `invalid`; the signal's reason.
   */
  async send(topic: string, messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void> {
    if (messages.length === 0) return await this.#settings.ensure(topic);
    const sending = new Sending(messages.length);
    const abort = () => this.#fail(sending, signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#open.add(sending);
    const before = this.#admissions.get(topic) ?? Promise.resolve();
    this.#admissions.set(topic, before.then(() => this.#admit(topic, messages.map(toRecord), sending)));
    try {
      return await sending.outcome;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#open.delete(sending);
    }
  }

  async #admit(topic: string, records: readonly RecordToSend[], sending: Sending): Promise<void> {
    this.#admitting.add(sending);
    try {
      for (const record of records) {
        const { bytes } = record;
        if (!this.#room.tryAcquire(bytes)) await this.#room.acquire(bytes, () => sending.isSettled);
        try {
          // Directly before it is enqueued: a topic can be deleted while others wait for room.
          while (!sending.isSettled && this.#cluster.partitions(topic) === 0) {
            await this.#settings.ensure(topic);
          }
        } catch (error) {
          this.#room.release(bytes);
          throw error;
        }
        if (sending.isSettled) return this.#room.release(bytes);
        this.#enqueue(topic, { record, sending });
      }
    } catch (error) {
      this.#lastFault = error;
      this.#fail(sending, toBusError(error, `Cannot store messages in "${topic}"`));
    } finally {
      this.#admitting.delete(sending);
    }
  }

  #enqueue(topic: string, pending: PendingRecord): void {
    const hasLeader = (partition: number) => this.#cluster.leader(topic, partition) !== undefined;
    const { key } = pending.record;
    const partition = this.#partitioner.choose(topic, key, this.#cluster.partitions(topic), hasLeader);
    const name = nameOf({ topic, partition });
    const queue = this.#queues.get(name) ?? new RecordQueue({ topic, partition });
    this.#queues.set(name, queue);
    queue.push(pending);
    this.#active.add(queue);
    this.#schedule();
  }

  /** Sends of the same turn of the event loop share a request. */
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
    for (const [leader, queues] of byLeader(this.#cluster, ready)) {
      if (!this.#busy.has(leader)) this.#serve(leader, queues);
    }
  }

  /** Sends one request to a broker. */
  async #serve(leader: number | undefined, queues: readonly Queue[]): Promise<void> {
    this.#busy.add(leader);
    try {
      const fault = leader === undefined
        ? noLeader(queues[0]!)
        : await this.#produce(leader, takeBatches(queues));
      if (fault === undefined) this.#backoffs.delete(leader);
      else await this.#recover(leader, fault);
    } catch (error) {
      // The cluster is closed, or cannot recover: no pending record can be stored.
      for (const sending of this.#open) sending.fail(error);
      this.#purge();
    } finally {
      this.#busy.delete(leader);
      this.#pump();
    }
  }

  async #recover(leader: number | undefined, fault: unknown): Promise<void> {
    this.#lastFault = fault;
    const backoff = this.#backoffs.get(leader) ?? new Backoff();
    this.#backoffs.set(leader, backoff);
    await backoff.wait(this.#cluster.closed);
    await this.#cluster.recover();
  }

  /**
   * Sends the pending batches of some queues.
   *
   * @returns The fault, if some of them must be retried after a pause.
   */
  async #produce(leader: number, queues: readonly Queue[]): Promise<unknown> {
    try {
      // Half of the time, so that there is a second attempt.
      const timeoutMs = Math.min(this.#settings.sendTimeoutMs / 2, PRODUCE_TIMEOUT_MS);
      const place = { leader, purpose: PURPOSE };
      await this.#sequences?.prepare(place, queues);
      const codes = await produce(this.#cluster, queues, {
        ...place,
        timeoutMs,
        compression: this.#settings.compression,
        ...this.#numbers,
      });
      let fault: unknown;
      for (const queue of queues) fault = await this.#settle(queue, codes.get(nameOf(queue)) ?? -1) ?? fault;
      return fault;
    } catch (error) {
      for (const queue of queues) {
        if (isRetriable(error)) this.#retry(queue);
        else this.#reject(queue, toBusError(error, "Cannot store messages"));
      }
      if (isRetriable(error)) return error;
    }
  }

  get #numbers(): Pick<ProduceOptions, "originOf"> {
    const sequences = this.#sequences;
    return sequences ? { originOf: (partition) => sequences.originOf(partition) } : {};
  }

  /** @returns The fault, if the batch must be retried after a pause. */
  async #settle(queue: Queue, code: number): Promise<unknown> {
    if (code === 0 || code === CODE.DUPLICATE_SEQUENCE_NUMBER) return this.#store(queue);
    if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
      return await this.#divide(queue);
    }
    const { topic } = queue;
    const fault = produceFault(topic, code);
    if (this.#sequences && LOST_CODES.includes(code)) this.#sequences.forget(queue);
    else if (!isRetriable(fault)) return this.#reject(queue, toBusError(fault, "Cannot store messages"));
    if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) await this.#recreate(topic);
    this.#retry(queue);
    return fault;
  }

  #store(queue: Queue): void {
    this.#sequences?.stored(queue, queue.pending.length);
    for (const { sending } of this.#release(queue)) sending.stored();
  }

  /** The limit is on the batch: only a record that is too large as its only record is rejected. */
  async #divide(queue: Queue): Promise<void> {
    const { topic, pending } = queue;
    const limit = await maxBatchBytes(this.#cluster, topic);
    if (pending.length === 1) return this.#reject(queue, tooLarge(topic, pending[0]!.record, limit));
    this.#sequences?.forget(queue);
    queue.divide(limit);
    this.#purge();
  }

  /** The topic was deleted while it was in use. */
  async #recreate(topic: string): Promise<void> {
    this.#cluster.forget(topic);
    await this.#settings.ensure(topic).catch(() => {});
  }

  #retry(queue: Queue): void {
    if (this.#sequences) queue.keep();
    else queue.putBack();
    this.#purge();
  }

  #reject(queue: Queue, error: unknown): void {
    this.#sequences?.forget(queue);
    for (const { sending } of this.#release(queue)) sending.fail(error);
    this.#purge();
  }

  /** Ends the pending batch of a queue; returns its records. */
  #release(queue: Queue): readonly PendingRecord[] {
    const released = queue.settle();
    this.#progressedAt = queue.progressedAt;
    this.#active.delete(queue);
    if (!queue.isIdle) this.#active.add(queue);
    this.#free(released);
    return released;
  }

  #free(records: readonly PendingRecord[]): void {
    this.#room.release(records.reduce((sum, { record }) => sum + record.bytes, 0));
  }

  #purge(): void {
    for (const queue of this.#active) {
      if (queue.isReady && isSettled(queue.pending)) this.#giveUp(queue);
      this.#free(queue.drop(({ sending }) => sending.isSettled));
      if (queue.isIdle) this.#active.delete(queue);
    }
  }

  /** Nobody waits any more for a batch of which it is not known whether it was stored. */
  #giveUp(queue: Queue): void {
    this.#sequences?.forget(queue);
    queue.putBack();
  }

  #fail(sending: Sending, error: unknown): void {
    sending.fail(error);
    this.#purge();
  }

  /** Fails the sends that have waited for too long without any progress. */
  #sweep(): void {
    const late = performance.now() - this.#settings.sendTimeoutMs;
    for (const sending of this.#admitting) {
      if (sending.since < late && this.#progressedAt < late) sending.fail(this.#timeout());
    }
    for (const queue of this.#active) {
      if (queue.progressedAt > late) continue;
      for (const { sending } of queue) {
        if (sending.since < late) sending.fail(this.#timeout());
      }
    }
    this.#purge();
  }

  #timeout(): BusError {
    const { name } = this.#cluster;
    const cause = this.#lastFault ?? new ConnectionFault(this.#cluster.delays.reason ?? "no response");
    const message = `Cannot store messages on ${name} within ${this.#settings.sendTimeoutMs} ms: ${
      messageOf(cause)
    }`;
    return new BusError("unavailable", message, { cause });
  }

  /** Waits until every pending send is settled, but not longer than the timeout. */
  async flush(timeoutMs: number): Promise<void> {
    const outcomes = [...this.#open].map(({ outcome }) => outcome);
    await abortable(Promise.allSettled(outcomes), AbortSignal.timeout(timeoutMs));
  }

  /** Fails every pending send as `closed`. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const sending of this.#open) sending.fail(closedError());
    this.#purge();
  }
}
