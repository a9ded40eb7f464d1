/**
 * Batches of records as other producers write them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { parseBroker } from "../../../../bus/transport/kafka/net/url.ts";
import { crc32c } from "../../../../bus/transport/kafka/wire/crc32c.ts";
import { encodeRecordBatch, toRecord } from "../../../../bus/transport/kafka/wire/record_batch.ts";
import type { OutgoingMessage } from "../../../../bus/transport/transport.ts";
import { BROKERS } from "../../../../testing/brokers/kafka.ts";
import type { Phoenix } from "../../../fixtures/phoenix.ts";
import { bytes } from "../suite/reader.ts";

const HEADER_BYTES = 61;

/** How the records of a batch are written. */
export interface BatchOptions {
  /** Offset of its first record. @default {0} */
  readonly first?: number;
  /** Number of the codec in its attributes. @default {0} */
  readonly codec?: number;
  /** Compresses the records, or damages them. @default {as they are} */
  readonly compress?: (records: Buffer) => Uint8Array;
}

/** A batch with one record per text. */
export function batchOf(texts: readonly string[], options: BatchOptions = {}): Buffer {
  const { first = 0, codec = 0, compress = (records: Buffer) => records } = options;
  const plain = encodeRecordBatch(texts.map((text) => toRecord({ value: bytes(text) })), 1_000);
  const batch = Buffer.concat([plain.subarray(0, HEADER_BYTES), compress(plain.subarray(HEADER_BYTES))]);
  batch.writeBigInt64BE(BigInt(first), 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(codec, 21);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** The cluster of the tests, without a transport in front of it. */
export async function openCluster(brokers = BROKERS): Promise<Cluster> {
  return await Cluster.open({
    seeds: brokers.map((broker) => parseBroker(broker)!),
    clientId: "test",
    tls: null,
    login: null,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 15_000,
    maxIdleMs: 60_000,
    onEvent: undefined,
  });
}

/** Stores a batch in partition 0 of an existing topic, as it is. */
export async function storeBatch(topic: string, batch: Buffer, brokers = BROKERS): Promise<void> {
  const cluster = await openCluster(brokers);
  try {
    cluster.watch([topic]);
    await cluster.refresh();
    const topicData = [{ topic, partitions: [{ partition: 0, batch }] }];
    const payload = { acks: -1, timeout: 10_000, topicData } as const;
    const answer = await cluster.request(cluster.leader(topic, 0)!, "test", "Produce", payload);
    const code = answer.topics[0]!.partitions[0]!.errorCode;
    if (code !== 0) throw new Error(`The broker rejected the batch with ${code}`);
  } finally {
    cluster.close();
  }
}

/**
 * Stores a message, a batch of two records and another message in a new topic of one partition, and then damages the
 * batch on the disk of the broker.
 */
export async function storeDamaged(
  broker: Phoenix,
  topic: string,
  before: OutgoingMessage,
  after: OutgoingMessage,
): Promise<void> {
  {
    await using transport = await openKafkaTransport(broker.brokers, { partitions: 1 });
    await transport.send(topic, [before]);
    const batch = batchOf(["x".repeat(100), "y"], { codec: 1, compress: (all) => zlib.gzipSync(all) });
    await storeBatch(topic, batch, broker.brokers);
    await transport.send(topic, [after]);
  }
  await broker.stop();
  const segment = `${broker.dataDir}/log/${topic}-0/00000000000000000000.log`;
  const log = Buffer.from(await Deno.readFile(segment));
  const gzip = 12 + log.readInt32BE(8) + HEADER_BYTES;
  if (log.readUInt16BE(gzip) !== 0x1f8b) throw new Error("The batch is not where it should be");
  log[gzip]! ^= 0xff;
  await Deno.writeFile(segment, log);
  await broker.restart();
}
