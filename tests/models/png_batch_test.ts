import { Buffer } from "node:buffer";
import { constants, crc32, deflateSync } from "node:zlib";
import { startBackend } from "../../models/backend.ts";
import { toCanonical } from "../../models/image/canonical.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { PngBatch } from "../../models/image/png_batch.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { imagesOf } from "../../testing/images.ts";
import { Random } from "../../training/random.ts";

type Zlib = NonNullable<Parameters<typeof deflateSync>[1]>;

const SPECS = {
  grey: { width: 28, height: 28, channels: 1, mean: [0.286], std: [0.353] },
  rgb: { width: 32, height: 32, channels: 3, mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26] },
} as const;

type Name = keyof typeof SPECS;

async function batchFor(name: Name): Promise<PngBatch> {
  await startBackend(await loadWasmBinary());
  return PngBatch.create(SPECS[name], {}, 64)!;
}

/** What the decoder in TypeScript makes of a file. */
function expected(name: Name, file: Uint8Array): { data: Uint8Array; numbers: Float32Array } | undefined {
  try {
    const pixels = decodeImage(file);
    const numbers = new Float32Array(pixels.width * pixels.height * pixels.channels);
    if (pixels.channels !== SPECS[name].channels) return undefined;
    toCanonical(pixels, SPECS[name], numbers);
    return { data: pixels.data, numbers };
  } catch {
    return undefined;
  }
}

/** How many of the files were decoded; each of them to what the decoder in TypeScript makes of it. */
function decodedOf(batch: PngBatch, name: Name, files: readonly Uint8Array[]): number {
  let count = 0;
  for (let first = 0; first < files.length; first += 64) {
    const part = files.slice(first, first + 64);
    for (const [i, decoded] of batch.decode(part).entries()) {
      if (decoded === undefined) continue;
      count++;
      const { data, numbers } = expected(name, part[i]!) ?? {};
      assertEquals(decoded.pixels.data.slice(), data);
      assertEquals(decoded.numbers.slice(), numbers);
    }
  }
  return count;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(content.length + 12);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

/** A file with the rows and the filters as given. */
function file(
  name: Name,
  rows: Uint8Array,
  options: Zlib = {},
  others: readonly Uint8Array[] = [],
): Uint8Array {
  const { width, height, channels } = SPECS[name];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels - 1], 8);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const data = chunk("IDAT", deflateSync(rows, options));
  return Buffer.concat([signature, chunk("IHDR", header), ...others, data, chunk("IEND", new Uint8Array())]);
}

/** Rows with all filters, of values that are alike or not. */
function rowsOf(name: Name, seed: number, spread: number): Uint8Array {
  const { width, height, channels } = SPECS[name];
  const random = new Random(seed, 0);
  const length = width * channels + 1;
  return Uint8Array.from({ length: height * length }, (_, i) => {
    return i % length === 0 ? (i / length + seed) % 5 : Math.floor(random.between(0, spread));
  });
}

for (const name of ["grey", "rgb"] as const) {
  Deno.test(`png batch: ${name} images of all filters and ways to deflate are decoded as in TypeScript`, async () => {
    using batch = await batchFor(name);
    const options: Zlib[] = [1, 6, 9].flatMap((level) =>
      [
        constants.Z_DEFAULT_STRATEGY,
        constants.Z_FIXED,
        constants.Z_HUFFMAN_ONLY,
        constants.Z_RLE,
        constants.Z_FILTERED,
      ]
        .map((strategy) => ({ level, strategy, memLevel: level }))
    );
    const files = [1, 2, 3, 17, 256].flatMap((spread, seed) =>
      options.map((zlib) => file(name, rowsOf(name, seed, spread), zlib))
    );
    // Bytes without any order are stored as they are, which is left to the other decoder.
    const decoded = decodedOf(batch, name, files);
    assert(decoded >= 0.8 * files.length, `${decoded} of ${files.length}`);
  });
}

Deno.test("png batch: all samples of the shipped models are decoded", async () => {
  for (const [model, name] of [["mnist", "grey"], ["fashion-mnist", "grey"], ["cifar-10", "rgb"]] as const) {
    using batch = await batchFor(name);
    assertEquals(decodedOf(batch, name, imagesOf(model).map(({ png }) => png)), 10);
  }
});

Deno.test("png batch: what is not of the size, the colours or the simple form is left to the other decoder", async () => {
  using batch = await batchFor("grey");
  const rows = rowsOf("grey", 1, 9);
  const palette = chunk("tRNS", new Uint8Array(2));
  const image = (width: number, channels: 1 | 3) =>
    encodePng({ width, height: 28, channels, data: new Uint8Array(width * 28 * channels) });
  const files = [
    new Uint8Array(),
    new Uint8Array(100_000),
    image(27, 1),
    image(28, 3),
    file("grey", rows, {}, [palette]),
    file("grey", rows, {}, [chunk("IDAT", new Uint8Array())]),
    file("grey", rows, {}, [chunk("zTXt", new TextEncoder().encode("Raw profile type exif"))]),
    file("grey", rows, { level: 0 }),
    file("grey", rows.subarray(1)),
    file("grey", Uint8Array.from([...rows, 0])),
    file("grey", rows.with(0, 5)),
    file("grey", rows).subarray(0, -13),
  ];
  assertEquals(batch.decode(files), files.map(() => undefined));
  assertEquals(decodedOf(batch, "grey", [file("grey", rows, {}, [chunk("tEXt", new Uint8Array(9))])]), 1);
});

Deno.test("png batch: it is not used where the limits refuse such images, or for large ones", () => {
  assertEquals(PngBatch.create(SPECS.grey, { maxPixels: 783 }, 64), undefined);
  assertEquals(PngBatch.create(SPECS.grey, { maxChunks: 3 }, 64), undefined);
  assertEquals(PngBatch.create({ ...SPECS.grey, width: 1024, height: 1024 }, {}, 64), undefined);
});

/** Puts another byte into the deflated pixels, with a checksum that is right. */
function damage(png: Uint8Array, at: number, value: number): Uint8Array {
  const bytes = Buffer.from(png);
  const length = bytes.readUInt32BE(33);
  bytes[41 + at % length] = value;
  bytes.writeUInt32BE(crc32(bytes.subarray(37, 41 + length)), 41 + length);
  return bytes;
}

Deno.test("png batch: of damaged files it decodes only what TypeScript decodes, to the same pixels", async () => {
  using batch = await batchFor("grey");
  const random = new Random(5, 0);
  const any = (count: number) => Math.floor(random.between(0, count));
  const sources = [...imagesOf("mnist"), ...imagesOf("fashion-mnist")].map(({ png }) => png)
    .filter((png) => Buffer.from(png).readUInt32BE(37) === 0x49444154);
  assert(sources.length > 0);
  const files = Array.from({ length: 6_000 }, (_, i) => {
    const source = sources[i % sources.length]!;
    if (i % 3 === 0) return Uint8Array.from(source).with(any(source.length), any(256));
    if (i % 7 === 0) return source.subarray(0, any(source.length));
    return damage(source, any(4096), any(256));
  });
  const decoded = decodedOf(batch, "grey", files);
  assert(decoded > 0 && decoded < files.length, `${decoded}`);
});
