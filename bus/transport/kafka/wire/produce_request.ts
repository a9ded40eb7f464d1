import { Buffer } from "node:buffer";
import type { Coders, Definition, Requests } from "./requests.ts";

/**
 * Produce with encoded batches; kafkajs can only encode them together with the request.
 *
 * @param theirs The definition of kafkajs, whose decoder is used.
 * @param coders Of kafkajs.
 */
export function produceRequest(theirs: Definition, coders: Coders): Definition {
  return {
    versions: ["3", "4", "5", "6", "7"],
    protocol: ({ version }) => (payload) => {
      const { request, response } = theirs.protocol({ version })({ ...payload, topicData: [] });
      const buffer = encode(coders, payload as Requests["Produce"][0]);
      return { request: { ...request, encode: () => Promise.resolve({ buffer }) }, response };
    },
  };
}

/** The batches are not copied through the growing buffer of the encoder. */
function encode({ Encoder }: Coders, payload: Requests["Produce"][0]): Buffer {
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
