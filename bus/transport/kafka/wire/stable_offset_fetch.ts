/**
 * OffsetFetch, version 7: the first version that takes open transactions into account
 * ([KIP-447](https://cwiki.apache.org/confluence/display/KAFKA/KIP-447)), and newer than those of kafkajs. It
 * is a flexible version ([KIP-482](https://cwiki.apache.org/confluence/display/KAFKA/KIP-482)): lengths are
 * varints of the length plus one, and each structure ends with tagged fields, of which there are none here.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Coders, Decoder, Requests } from "./requests.ts";

/** How it is identified on the wire. */
export const STABLE_OFFSET_FETCH = { apiKey: 9, apiVersion: 7, apiName: "OffsetFetch" } as const;

const NO_TAGS = 0;

/**
 * Encodes the request, starting with the tagged fields of its header, which older versions do not have.
 *
 * @param coders Of kafkajs.
 * @param payload The group and the partitions.
 */
export function encodeStableOffsetFetch(
  { Encoder }: Coders,
  { groupId, topics }: Requests["StableOffsetFetch"][0],
): Buffer {
  const encoder = new Encoder().writeUVarInt(NO_TAGS);
  encoder.writeUVarIntString(groupId).writeUVarInt(topics.length + 1);
  for (const { topic, partitions } of topics) {
    encoder.writeUVarIntString(topic).writeUVarInt(partitions.length + 1);
    for (const { partition } of partitions) encoder.writeInt32(partition);
    encoder.writeUVarInt(NO_TAGS);
  }
  const requireStable = true;
  return encoder.writeBoolean(requireStable).writeUVarInt(NO_TAGS).buffer;
}

/**
 * Decodes the response.
 *
 * @param coders Of kafkajs.
 * @param bytes The response after its correlation id.
 */
export function decodeStableOffsetFetch(coders: Coders, bytes: Buffer): Requests["StableOffsetFetch"][1] {
  const decoder = new coders.Decoder(bytes);
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle time
  const responses = decoder.readUVarIntArray(() => {
    const topic = decoder.readUVarIntString()!;
    const partitions = decoder.readUVarIntArray(() => readPartition(decoder)) ?? [];
    decoder.readTaggedFields();
    return { topic, partitions };
  });
  return { responses: responses ?? [], errorCode: decoder.readInt16() };
}

function readPartition(decoder: Decoder) {
  const partition = decoder.readInt32();
  const offset = decoder.readInt64().toString();
  decoder.readInt32(); // leader epoch
  decoder.readUVarIntString(); // metadata
  const errorCode = decoder.readInt16();
  decoder.readTaggedFields();
  return { partition, offset, errorCode };
}
