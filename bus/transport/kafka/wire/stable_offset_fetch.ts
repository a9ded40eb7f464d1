/**
 * OffsetFetch, version 7: the first version that takes open transactions into account
 * ([KIP-447](https://cwiki.apache.org/confluence/display/KAFKA/KIP-447)), and newer than those of kafkajs. It
 * is a flexible version ([KIP-482](https://cwiki.apache.org/confluence/display/KAFKA/KIP-482)): lengths are
 * varints of the length plus one, and each structure ends with tagged fields, of which there are none here.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { BusError } from "../../errors.ts";
import type { Coders, Decoder, Definition, Requests } from "./requests.ts";

const VERSION = 7;
const NO_TAGS = 0;

/**
 * The definition of the request.
 *
 * @param coders Of kafkajs.
 */
export function stableOffsetFetchRequest(coders: Coders): Definition {
  return {
    versions: [`${VERSION}`],
    protocol: ({ version }) => (payload) => {
      if (version < VERSION) throw tooOld(version);
      const buffer = encode(coders, payload as Requests["StableOffsetFetch"][0]);
      const encodeIt = () => Promise.resolve({ buffer });
      return {
        request: { apiKey: 9, apiVersion: VERSION, apiName: "OffsetFetch", encode: encodeIt },
        response: { decode: (bytes) => Promise.resolve(decode(coders, bytes)) },
      };
    },
  };
}

function tooOld(version: number): BusError {
  const reason = `the broker supports OffsetFetch up to version ${version}, not ${VERSION}`;
  return new BusError("invalid", `Cannot deliver exactly-once: ${reason}; it needs Kafka 2.5 or newer`);
}

/** Starts with the tagged fields of the header, which older versions do not have. */
function encode({ Encoder }: Coders, { groupId, topics }: Requests["StableOffsetFetch"][0]): Buffer {
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

/** @param bytes The response after its correlation id. */
function decode({ Decoder }: Coders, bytes: Buffer): Requests["StableOffsetFetch"][1] {
  const decoder = new Decoder(bytes);
  decoder.readTaggedFields();
  const clientSideThrottleTime = decoder.readInt32();
  const responses = decoder.readUVarIntArray(() => {
    const topic = decoder.readUVarIntString()!;
    const partitions = decoder.readUVarIntArray(() => readPartition(decoder)) ?? [];
    decoder.readTaggedFields();
    return { topic, partitions };
  });
  return { responses: responses ?? [], errorCode: decoder.readInt16(), clientSideThrottleTime };
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
