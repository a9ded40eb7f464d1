import { Buffer } from "node:buffer";
import type { Coders, Requests } from "./requests.ts";

/** The versions that {@linkcode encodeProduceRequest} can encode. */
export const PRODUCE_VERSIONS = ["3", "4", "5", "6", "7"];

/**
 * Encodes a Produce request from encoded batches; kafkajs can only encode it together with the records.
 *
 * @param coders Of kafkajs. The batches themselves are not copied through its growing buffer.
 * @param payload Batches, by topic and partition.
 */
export function encodeProduceRequest({ Encoder }: Coders, payload: Requests["Produce"][0]): Buffer {
  const { transactionalId = null, acks, timeout, topicData } = payload;
  const head = new Encoder().writeString(transactionalId).writeInt16(acks).writeInt32(timeout);
  const parts = [head.writeInt32(topicData.length).buffer];
  for (const { topic, partitions } of topicData) {
    parts.push(new Encoder().writeString(topic).writeInt32(partitions.length).buffer);
    for (const { partition, batch } of partitions) {
      parts.push(new Encoder().writeInt32(partition).writeInt32(batch.length).buffer, batch);
    }
  }
  return Buffer.concat(parts);
}
