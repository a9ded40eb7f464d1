import { Buffer } from "node:buffer";
import { int16, int32 } from "./integers.ts";
import type { Requests } from "./requests.ts";

/** The versions that {@linkcode encodeProduceRequest} can encode. */
export const PRODUCE_VERSIONS = ["3", "4", "5", "6", "7"];

/**
 * Encodes a Produce request from encoded batches; kafkajs can only encode it together with the records.
 *
 * @param payload Batches, by topic and partition.
 */
export function encodeProduceRequest(payload: Requests["Produce"][0]): Buffer {
  const { transactionalId, acks, timeout, topicData } = payload;
  const id = transactionalId === undefined ? null : Buffer.from(transactionalId);
  const parts = [
    int16(id?.length ?? -1),
    id ?? Buffer.alloc(0),
    int16(acks),
    int32(timeout),
    int32(topicData.length),
  ];
  for (const { topic, partitions } of topicData) {
    parts.push(int16(topic.length), Buffer.from(topic), int32(partitions.length));
    for (const { partition, batch } of partitions) parts.push(int32(partition), int32(batch.length), batch);
  }
  return Buffer.concat(parts);
}
