import type { Buffer } from "node:buffer";
import { splitBatches } from "./batches.ts";
import type { Coders, Decoder, Definition, Requests } from "./requests.ts";

/** From this version on the broker answers at once, and the client waits (KIP-219). */
const CLIENT_THROTTLES_FROM = 8;

/**
 * Fetch, with a decoder of batches of our own.
 *
 * @param theirs The definition of kafkajs, whose encoder is used.
 * @param coders Of kafkajs.
 */
export function fetchRequest(theirs: Definition, coders: Coders): Definition {
  return {
    versions: ["4", "5", "6", "7", "8", "9", "10", "11"],
    protocol: ({ version }) => (payload) => {
      const { request } = theirs.protocol({ version })(payload);
      const decode = (bytes: Buffer) => Promise.resolve(decodeResponse(coders, bytes, version));
      return { request, response: { decode } };
    },
  };
}

function decodeResponse({ Decoder }: Coders, bytes: Buffer, version: number): Requests["Fetch"][1] {
  const decoder = new Decoder(bytes);
  const throttleTime = decoder.readInt32();
  if (version >= 7) {
    decoder.readInt16(); // error code of the session
    decoder.readInt32(); // id of the session
  }
  const responses = decoder.readArray(() => {
    const topic = decoder.readString();
    return { topicName: topic, partitions: decoder.readArray(() => readPartition(decoder, topic, version)) };
  });
  return { responses, ...version >= CLIENT_THROTTLES_FROM && { clientSideThrottleTime: throttleTime } };
}

function readPartition(decoder: Decoder, topic: string, version: number) {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64(); // high watermark
  decoder.readInt64(); // offset of the first open transaction
  if (version >= 5) decoder.readInt64(); // offset of the oldest message
  const aborted = decoder.readArray(() => ({
    producerId: decoder.readInt64(),
    firstOffset: Number(decoder.readInt64()),
  }));
  const preferredReplica = version >= 11 ? decoder.readInt32() : -1;
  const batches = decoder.readBytes();
  const none = { batches: [], end: null, isAppendTime: false };
  const range = batches ? splitBatches(batches, { topic, partition }, aborted) : none;
  return { partition, errorCode, preferredReplica, ...range };
}
