import { Buffer } from "node:buffer";
import { COMPRESSIONS } from "../../../../bus/transport/kafka/wire/codecs.ts";
import { compress, decompress } from "../../../../bus/transport/kafka/wire/compression.ts";
import { ifFound } from "../../../../lib/if_found.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { BROKERS, openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { unique } from "../suite/harness.ts";
import { bytes, Reader, sorted } from "../suite/reader.ts";

/** Noise with repetitions of many lengths and distances. */
function repetitive(size: number, seed: number): Buffer {
  const data = Buffer.alloc(size);
  let state = seed;
  const next = (below: number) => {
    state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fff_ffff;
    return (state >> 8) % below;
  };
  for (let at = 0; at < size;) {
    const length = 1 + next(next(2) === 0 ? 20 : 70_000);
    if (at > 0 && next(2) === 0) data.copy(data, at, next(at), at + length);
    else for (let i = at; i < Math.min(size, at + length); i++) data[i] = next(256);
    at += length;
  }
  return data;
}

for (const [codec, name] of COMPRESSIONS.entries()) {
  Deno.test(`kafka: compression ${name}: every size is restored, and larger results are not used`, () => {
    for (const size of [1, 4, 5, 12, 13, 14, 300, 65_535, 65_536, 65_537, 400_000]) {
      for (let seed = 1; seed <= 3; seed++) {
        const data = repetitive(size, seed);
        const [used, packed] = compress(name, data);
        assert(packed.length <= size);
        assert(decompress(used, Buffer.from(packed)).equals(data), `${size} bytes, seed ${seed}`);
      }
    }
    assertEquals(compress(name, Buffer.alloc(100_000))[0], codec);
    const noise = crypto.getRandomValues(Buffer.alloc(60_000));
    assertEquals(compress(name, noise)[0], 0);
  });

  testKafka(`what is sent with compression ${name} is read, here and by librdkafka`, async () => {
    const topic = unique(name);
    await using transport = await openQuick({ partitions: 1, compression: name });
    const texts = Array.from({ length: 300 }, (_, index) => `${index} ${"abc ".repeat(index)}.`);
    await transport.send(topic, texts.map((text) => ({ key: "k", value: bytes(text), headers: { a: "1" } })));
    await using reader = await Reader.open(transport, [topic], { until: "end" });
    await reader.ended;
    assertEquals(reader.texts, texts);
    const elsewhere = await readByKcat(topic);
    if (elsewhere !== null) assertEquals(sorted(elsewhere), sorted(texts));
  });
}

/** `null` if kcat is not installed. */
async function readByKcat(topic: string): Promise<string[] | null> {
  const args = ["-C", "-e", "-q", "-b", BROKERS.join(","), "-t", topic, "-o", "beginning"];
  const output = await ifFound(new Deno.Command("kcat", { args }).output());
  return output && new TextDecoder().decode(output.stdout).trimEnd().split("\n");
}
