import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import type { Message, OutgoingMessage } from "../../../../bus/transport/transport.ts";
import { decodeBatch, splitBatches, visibility } from "../../../../bus/transport/kafka/wire/batches.ts";
import { encodeRecordBatch, toRecord } from "../../../../bus/transport/kafka/wire/record_batch.ts";
import type { BatchHeader } from "../../../../bus/transport/kafka/wire/requests.ts";
import { decompress } from "../../../../bus/transport/kafka/wire/compression.ts";
import { decompressLz4 } from "../../../../bus/transport/kafka/wire/lz4.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import type { TransportEvent } from "../../../../bus/transport/transport.ts";
import { asAdmin } from "../../../../testing/brokers/kafkajs.ts";
import { Phoenix } from "../../../fixtures/phoenix.ts";
import { unique, within } from "../suite/harness.ts";
import { bytes, numbered, Reader, text } from "../suite/reader.ts";
import { batchOf, storeBatch, storeDamaged } from "./batches.ts";

const PLACE = { topic: "t", partition: 0 };
const FOX = "The quick brown fox. ".repeat(40);

/** {@linkcode FOX}, compressed by the program `lz4` 1.9.4 with these options. */
const LZ4_FRAMES: Readonly<Record<string, string>> = {
  "with checksums of blocks (-BX)":
    "04224d187440bd23000000ff0654686520717569636b2062726f776e20666f782e201500ffffff1e50666f782e20d24e0018000000007090b1ac",
  "with its content size (--content-size)":
    "04224d186c404803000000000000e523000000ff0654686520717569636b2062726f776e20666f782e201500ffffff1e50666f782e20000000007090b1ac",
  "without a checksum (--no-frame-crc)":
    "04224d1860408223000000ff0654686520717569636b2062726f776e20666f782e201500ffffff1e50666f782e2000000000",
};

function decode(...batches: Buffer[]) {
  const { end, batches: split } = splitBatches(Buffer.concat(batches), PLACE, []);
  return { end, messages: split.flatMap((batch) => decodeBatch(batch, PLACE)) };
}

const shown = (messages: readonly Message[]) => messages.map((one) => `${one.offset} ${text(one)}`);

/** An LZ4 frame of one block that is not compressed, with its checksums. */
function lz4WithChecksums(content: Buffer): Buffer {
  const frame = Buffer.alloc(7 + 4 + content.length + 4 + 4);
  frame.set(Buffer.from("04224d18704000", "hex"));
  frame.writeUInt8(xxh32(frame.subarray(4, 6)) >>> 8 & 0xff, 6);
  frame.writeUInt32LE((content.length | 0x8000_0000) >>> 0, 7);
  frame.set(content, 11);
  frame.writeUInt32LE(xxh32(content), 11 + content.length);
  return frame;
}

/** xxHash32 with seed 0: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. */
function xxh32(input: Buffer): number {
  const [P1, P2, P3, P4, P5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];
  const rotate = (value: number, bits: number) => value << bits | value >>> 32 - bits;
  let at = 0;
  let hash = P5;
  if (input.length >= 16) {
    const lanes = [P1 + P2, P2, 0, -P1].map((seed) => seed | 0);
    for (; at + 16 <= input.length; at += 16) {
      lanes.forEach((lane, i) => {
        lanes[i] = Math.imul(rotate(lane + Math.imul(input.readUInt32LE(at + 4 * i), P2) | 0, 13), P1);
      });
    }
    hash = [1, 7, 12, 18].reduce((sum, bits, i) => sum + rotate(lanes[i]!, bits), 0);
  }
  hash = hash + input.length | 0;
  for (; at + 4 <= input.length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(input.readUInt32LE(at), P3) | 0, 17), P4);
  }
  for (; at < input.length; at++) hash = Math.imul(rotate(hash + Math.imul(input[at]!, P5) | 0, 11), P1);
  hash = Math.imul(hash ^ hash >>> 15, P2);
  hash = Math.imul(hash ^ hash >>> 13, P3);
  return (hash ^ hash >>> 16) >>> 0;
}

for (const [name, frame] of Object.entries(LZ4_FRAMES)) {
  Deno.test(`kafka: an LZ4 frame ${name} is decompressed`, () => {
    assertEquals(decompressLz4(Buffer.from(frame, "hex"), 1_000).toString(), FOX);
  });
}

Deno.test("kafka: LZ4 frames that are cut off, lead out of their data or hold too much are refused", () => {
  const frame = Buffer.from(LZ4_FRAMES["with checksums of blocks (-BX)"]!, "hex");
  for (let length = 1; length < frame.length - 8; length++) {
    assertThrows(() => decompressLz4(frame.subarray(0, length), 1_000), RangeError);
  }
  // The offset of the match: further back than there is content.
  assertThrows(() => decompressLz4(frame.fill(0xff, 34, 36), 1_000), RangeError, "not there");
  const frames = Array.from({ length: 3 }, () => Buffer.from(Object.values(LZ4_FRAMES)[1]!, "hex"));
  assertThrows(() => decompressLz4(Buffer.concat(frames), 1_000), RangeError, "more than 1000 bytes");
});

Deno.test("kafka: batches of each codec are decoded, with their offsets", () => {
  const codecs: Record<number, (records: Buffer) => Uint8Array> = {
    0: (records) => records,
    1: (records) => zlib.gzipSync(records),
    3: lz4WithChecksums,
    4: (records) => zlib.zstdCompressSync(records),
  };
  for (const [codec, compress] of Object.entries(codecs)) {
    const batch = batchOf(["a", "b"], { first: 7, codec: Number(codec), compress });
    assertEquals(shown(decode(batch).messages), ["7 a", "8 b"], codec);
  }
});

/** What a producer writes that flushes its compressor in the middle of a batch. */
function inFrames(compress: (records: Buffer) => Uint8Array): (records: Buffer) => Buffer {
  return (records) => Buffer.concat([records.subarray(0, 3), records.subarray(3)].map(compress));
}

Deno.test("kafka: several frames of compressed records are one batch, within the limit of its size", () => {
  const codecs: Record<number, (records: Buffer) => Uint8Array> = {
    1: (records) => zlib.gzipSync(records),
    3: lz4WithChecksums,
    4: (records) => zlib.zstdCompressSync(records),
  };
  for (const [codec, compress] of Object.entries(codecs)) {
    const batch = batchOf(["a", "b"], { codec: Number(codec), compress: inFrames(compress) });
    assertEquals(shown(decode(batch).messages), ["0 a", "1 b"], codec);
  }
  const frame = zlib.zstdCompressSync(Buffer.alloc(2 ** 27 + 1));
  assertThrows(() => decompress(4, Buffer.concat([frame, frame])), RangeError);
  assertThrows(() => decompress(4, Buffer.concat([frame, Buffer.from("rest")])), Error);
});

testKafka("a batch of several zstd frames is read", async () => {
  const topic = unique("frames");
  await createTopic(topic, {});
  const compress = inFrames((records) => zlib.zstdCompressSync(records));
  await storeBatch(topic, batchOf(["one", "two"], { codec: 4, compress }));
  await using transport = await openQuick();
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await within(reader.ended, "the end");
  assertEquals(reader.texts, ["one", "two"]);
});

Deno.test("kafka: messages of the formats 0 and 1 are decoded, compressed ones too", () => {
  const message = (magic: number, offset: number, value: Uint8Array, codec = 0) => {
    const body = Buffer.alloc(4 + 2 + (magic === 1 ? 8 : 0) + 4 + 4);
    body.writeInt8(magic, 4);
    body.writeInt8(codec, 5);
    if (magic === 1) body.writeBigInt64BE(1_234n, 6);
    body.writeInt32BE(-1, body.length - 8);
    body.writeInt32BE(value.length, body.length - 4);
    const head = Buffer.alloc(12);
    head.writeBigInt64BE(BigInt(offset));
    head.writeInt32BE(body.length + value.length, 8);
    return Buffer.concat([head, body, value]);
  };
  for (const magic of [0, 1]) {
    const first = magic === 1 ? 0 : 5;
    const inner = ["a", "b"].map((value, i) => message(magic, first + i, Buffer.from(value)));
    const outer = message(magic, 6, zlib.gzipSync(Buffer.concat(inner)), 1);
    const range = decode(message(magic, 4, Buffer.from("plain")), outer);
    assertEquals(shown(range.messages), ["4 plain", "5 a", "6 b"]);
    assertEquals([range.end, range.messages[1]!.timestamp], [7, magic === 1 ? 1_234 : 0]);
  }
});

Deno.test("kafka: a batch that cannot be decoded is one message, at its last offset, with its bytes", () => {
  const [before, after] = [batchOf(["a"]), batchOf(["d"], { first: 3 })];
  for (
    const broken of [
      batchOf(["b", "c"], { first: 1, codec: 1 }),
      batchOf(["b", "c"], { first: 1, codec: 7 }),
      batchOf(["b", "c"], { first: 1, compress: (records) => records.subarray(0, -1) }),
    ]
  ) {
    const { messages, end } = decode(before, broken, after);
    assertEquals([messages.map(({ offset }) => offset), end], [[0, 2, 3], 4]);
    assertMatch(messages[1]!.undecodable!, /^The offsets 1 to 2 cannot be decoded: ./);
    assertEquals([...messages[1]!.value], [...broken]);
    assertEquals([text(messages[0]!), text(messages[2]!)], ["a", "d"]);
  }
});

Deno.test("kafka: a batch that is cut off is left for the next fetch", () => {
  const [whole, next] = [batchOf(["a"]), batchOf(["b"], { first: 1 })];
  const { messages, end } = decode(whole, next.subarray(0, -1));
  assertEquals([shown(messages), end], [["0 a"], 1]);
  assertEquals(decode(next.subarray(0, 20)).end, null);
});

Deno.test("kafka: a batch whose checksum is wrong is not decoded", () => {
  const batch = batchOf(["a", "b"]);
  batch[batch.length - 2]! ^= 1;
  const [message] = decode(batch).messages;
  assertEquals(message!.undecodable, "The offsets 0 to 1 cannot be decoded: the checksum is wrong");
});

Deno.test("kafka: a message does not keep the answer in memory that it came with", () => {
  const texts = Array.from({ length: 100 }, () => "x".repeat(1_000));
  for (const { value } of decode(batchOf(texts)).messages) assert(value.buffer.byteLength < 20_000);
  const [large] = decode(batchOf(["x".repeat(100_000)])).messages;
  assert(large!.value.buffer.byteLength < 110_000, "a large message is copied");
});

Deno.test("kafka: headers are decoded right, whatever the record before has", () => {
  const sent: Omit<OutgoingMessage, "value">[] = [
    { key: "7", headers: { ce_id: "7", ce_type: "a", ce_model: "mnist" } },
    { key: "8", headers: { ce_id: "8", ce_type: "a", ce_model: "mnist" } },
    { key: "8", headers: { ce_id: "8", ce_type: "b", ce_model: "größer" } },
    { headers: { ce_id: "8", ce_type: "b" } },
    { headers: { ce_id: "8", ce_tip: "b" } },
    { headers: {} },
    { key: "", headers: { ce_id: "", __proto: "b", ["__proto__"]: "c" } },
    { key: "9", headers: { ce_id: "9", __proto: "b", ["__proto__"]: "d" } },
    { headerList: [["a", "1"], ["a", "2"], ["b", null]] },
    { headerList: [["a", "1"], ["a", "2"], ["b", null]] },
    { headerList: [["a", "1"], ["b", "2"], ["c", "3"]] },
    { headers: { a: "1", b: new Uint8Array([0xff, 0xfe]), c: "4" } },
  ];
  const records = sent.map((one) => toRecord({ value: bytes("x"), ...one }));
  const { messages } = decode(encodeRecordBatch(records, 1_000));
  for (const [i, { key = null, headers = {}, headerList }] of sent.entries()) {
    const message = messages[i]!;
    assertEquals([message.key, message.offset], [key, i]);
    const isWhole = headerList === undefined || i === 10;
    if (isWhole) {
      assertEquals(
        Object.entries(message.headers),
        Object.entries(headerList ? Object.fromEntries(headerList) : headers),
      );
    }
    assertEquals(message.headerList, isWhole ? undefined : headerList);
  }
});

/** A batch with one record of a transaction, or the marker that ends one. */
function header(offset: number, producerId: bigint, marker: "commit" | "abort" | null = null): BatchHeader {
  const isTransactional = producerId >= 0;
  return {
    first: offset,
    last: offset,
    timestamp: 0,
    isAppendTime: false,
    producerId,
    isTransactional,
    marker,
  };
}

function visibleOffsets(
  batches: readonly BatchHeader[],
  aborted: readonly { producerId: bigint; firstOffset: number }[],
): number[] {
  return batches.filter(visibility(aborted)).map(({ first }) => first);
}

Deno.test("kafka: of overlapping transactions, listed in the order of their ends, only aborted ones are removed", () => {
  const batches = [
    header(0, 1n),
    header(1, 2n),
    header(2, 3n),
    header(3, -1n),
    header(4, 2n, "abort"),
    header(5, 2n),
    header(6, 1n, "abort"),
    header(7, 3n, "commit"),
    header(8, 2n, "commit"),
    header(9, 1n),
  ];
  const aborted = [{ producerId: 2n, firstOffset: 1 }, { producerId: 1n, firstOffset: 0 }];
  assertEquals(visibleOffsets(batches, aborted), [2, 3, 5, 9]);
});

Deno.test("kafka: a fetch that starts within several aborted transactions removes all of them", () => {
  const batches = [header(10, 2n), header(11, 1n), header(12, 1n, "abort"), header(13, 2n, "abort")];
  const aborted = [{ producerId: 1n, firstOffset: 3 }, { producerId: 2n, firstOffset: 5 }];
  assertEquals(visibleOffsets(batches, aborted), []);
});

async function createTopic(topic: string, settings: Record<string, string>): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }));
}

testKafka("LZ4 batches with checksums of their blocks are read", async () => {
  const topic = unique("lz4");
  await createTopic(topic, {});
  await storeBatch(topic, batchOf(["one", "two"], { codec: 3, compress: lz4WithChecksums }));
  await using transport = await openQuick();
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await within(reader.ended, "the end");
  assertEquals(reader.texts, ["one", "two"]);
});

testKafka("a batch of 200,000 records is read", async () => {
  const topic = unique("many");
  await createTopic(topic, { "max.message.bytes": "10000000" });
  await storeBatch(topic, batchOf(Array.from({ length: 200_000 }, () => "x")));
  await using transport = await openQuick();
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await within(reader.ended, "the end");
  assertEquals(reader.messages.length, 200_000);
});

testKafka("a batch that was damaged on the broker's disk costs only itself, and is reported", async () => {
  await using phoenix = await Phoenix.start();
  const topic = unique("damaged");
  await storeDamaged(phoenix, topic, numbered(1, "before ")[0]!, numbered(1, "after ")[0]!);
  const events: TransportEvent[] = [];
  await using transport = await openKafkaTransport(phoenix.brokers, {
    onEvent: (event) => events.push(event),
  });
  await using reader = await Reader.open(transport, [topic], { group: unique("group"), commit: true });
  await reader.until(3);
  const [, broken] = reader.messages;
  assertEquals(reader.messages.map(({ offset }) => offset), [0, 2, 3]);
  assertStringIncludes(broken!.undecodable!, "The offsets 1 to 2 cannot be decoded: ");
  const reported = events.filter(({ type }) => type === "undecodable");
  assertEquals(reported, [{ type: "undecodable", topic, partition: 0, reason: broken!.undecodable! }]);
}, NO_OWN_KAFKA);
