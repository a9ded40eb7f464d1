import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";
import { ImageError } from "../../models/errors.ts";
import type { ImageErrorCode } from "../../models/errors.ts";
import { decodeImage, type DecodeLimits, loadDecoders } from "../../models/image/decode.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";

const FIXTURES = new URL("../fixtures/images/", import.meta.url);

function fixture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(name, FIXTURES));
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

function repeated(part: Uint8Array, times: number): Uint8Array {
  return new Uint8Array(Buffer.alloc(part.length * times, part));
}

/** Places a number in a copy. */
function patched(bytes: Uint8Array, at: number, size: 2 | 4, value: number, little: boolean): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (size === 2) view.setUint16(at, value, little);
  else view.setUint32(at, value, little);
  return copy;
}

function pngChunk(type: string, content: Uint8Array): Uint8Array {
  const body = join(latin1(type), content);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return join(length, body, sum);
}

function png(width: number, height: number, ...data: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const end = pngChunk("IEND", new Uint8Array());
  return join(latin1("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header), ...data, end);
}

/** Where the frame header of a JPEG begins. */
function frameOf(bytes: Uint8Array): number {
  return bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
}

/** A JPEG whose header declares other extents. */
function jpegOf(name: string, width: number, height: number): Uint8Array {
  const bytes = fixture(name);
  const at = frameOf(bytes) + 5;
  return patched(patched(bytes, at, 2, height, false), at + 2, 2, width, false);
}

/** Index of a text in a file. */
function indexOf(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes).indexOf(text, 0, "latin1");
}

/** A HEIF file that declares this size for all its images. */
function heifOf(name: string, width: number, height: number): Uint8Array {
  const bytes = fixture(name);
  const at = indexOf(bytes, "ispe") + 8;
  return patched(patched(bytes, at, 4, width, false), at + 4, 4, height, false);
}

function scansOf(count: number): Uint8Array {
  const bytes = fixture("rgb-progressive.jpg");
  const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
  return join(bytes.slice(0, scan), repeated(bytes.slice(scan, -2), count), bytes.slice(-2));
}

function tiffTag(bytes: Uint8Array, tag: number): number {
  const view = new DataView(bytes.buffer);
  const at = view.getUint32(4, true);
  const index = Array.from({ length: view.getUint16(at, true) }, (_, i) => at + 2 + 12 * i);
  return index.find((entry) => view.getUint16(entry, true) === tag)!;
}

function tiffOf(changes: Readonly<Record<number, number>>): Uint8Array {
  return Object.entries(changes).reduce<Uint8Array>((bytes, [tag, value]) => {
    const entry = tiffTag(bytes, Number(tag));
    return patched(patched(bytes, entry + 2, 2, 4, true), entry + 8, 4, value, true);
  }, fixture("deflate.tiff"));
}

const WEBP_CHUNK = join(latin1("JUNK"), [0, 0, 0, 0]);
const million = 1_000_000;

/** What looks small and would be large: each is refused from its header, for this reason. */
const BOMBS: readonly (readonly [what: string, code: ImageErrorCode, text: string, bytes: Uint8Array])[] = [
  [
    "PNG of 30,000 × 30,000 in 10 KB",
    "too_many_pixels",
    "900000000",
    png(30_000, 30_000, pngChunk("IDAT", new Uint8Array(10_000))),
  ],
  ["PNG of 65,535²", "too_many_pixels", "65535 × 65535", png(65_535, 65_535)],
  ["PNG of 100,000 × 1", "too_many_pixels", "width may be at most 65535", png(100_000, 1)],
  [
    "PNG with a million chunks",
    "over_limit",
    "chunks",
    png(1, 1, repeated(pngChunk("IDAT", new Uint8Array()), million)),
  ],
  ["JPEG of 65,535²", "too_many_pixels", "65535 × 65535", jpegOf("grey.jpg", 65_535, 65_535)],
  [
    "progressive JPEG of 65,535²",
    "too_many_pixels",
    "65535 × 65535",
    jpegOf("rgb-progressive.jpg", 65_535, 65_535),
  ],
  ["JPEG of 7,000² in 1 KB", "damaged", "cannot hold", jpegOf("rgb-progressive.jpg", 7_000, 7_000)],
  ["JPEG with 1,000 scans", "over_limit", "101 scans", scansOf(1_000)],
  [
    "JPEG with a million comments",
    "over_limit",
    "chunks",
    join([0xff, 0xd8], repeated(Uint8Array.of(0xff, 0xfe, 0, 2), million)),
  ],
  [
    "JPEG with a million empty markers",
    "over_limit",
    "chunks",
    join([0xff, 0xd8], repeated(Uint8Array.of(0xff, 0x01), million)),
  ],
  [
    "JPEG with a million restarts",
    "damaged",
    "no frame header",
    join([0xff, 0xd8], repeated(Uint8Array.of(0xff, 0xd0), million)),
  ],
  [
    "JPEG whose segment has a lying length",
    "damaged",
    "ends after",
    join([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 1, 2]),
  ],
  ["JPEG whose segment has no length", "damaged", "length of 1", join([0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 3])],
  ["GIF of 65,535²", "too_many_pixels", "65535", patched(fixture("rows.gif"), 6, 4, 0xffffffff, true)],
  [
    "GIF with a million extensions",
    "over_limit",
    "chunks",
    join(latin1("GIF89a"), new Uint8Array(7), repeated(Uint8Array.of(0x21, 0xfe, 0), million)),
  ],
  [
    "WebP of 16,384²",
    "too_many_pixels",
    "16384 × 16384",
    patched(fixture("lossless.webp"), 21, 4, 0x0fffffff, true),
  ],
  [
    "WebP with a million chunks",
    "over_limit",
    "chunks",
    join(latin1("RIFF\0\0\0\x01WEBP"), repeated(WEBP_CHUNK, million)),
  ],
  [
    "WebP whose chunk has a lying length",
    "damaged",
    "ends after",
    patched(fixture("lossy.webp"), 16, 4, 0xffffffff, true),
  ],
  [
    "BMP of 65,535²",
    "too_many_pixels",
    "65535",
    patched(patched(fixture("rgb.bmp"), 18, 4, 65_535, true), 22, 4, 65_535, true),
  ],
  [
    "BMP whose pixels begin behind its end",
    "damaged",
    "end after",
    patched(fixture("rgb.bmp"), 10, 4, 0x7fffffff, true),
  ],
  ["PNM of 1,000,000²", "too_many_pixels", "width may be at most 65535", latin1("P6 1000000 1000000 255\n")],
  ["PNM whose header is a long comment", "damaged", "no number", latin1(`P6 #${"x".repeat(million)}`)],
  ["TIFF of 65,535²", "too_many_pixels", "65535", tiffOf({ 256: 65_535, 257: 65_535, 278: 65_535 })],
  [
    "TIFF with more strips than it can hold",
    "damaged",
    "more than there are",
    patched(tiffOf({}), tiffTag(fixture("deflate.tiff"), 273) + 4, 4, 0x7fffffff, true),
  ],
  [
    "TIFF whose directory is behind its end",
    "damaged",
    "behind its end",
    patched(fixture("rgb.tiff"), 4, 4, 0xfffffff0, true),
  ],
  ["AVIF of 65,535²", "too_many_pixels", "65535", heifOf("subsampled.avif", 65_535, 65_535)],
  [
    "AVIF with a million boxes",
    "over_limit",
    "chunks",
    join(latin1("\0\0\0\x10ftypavif\0\0\0\0"), repeated(latin1("\0\0\0\x08free"), million)),
  ],
  ["HEIC of 65,535²", "too_many_pixels", "65535", heifOf("rgb.heic", 65_535, 65_535)],
  [
    "HEIC whose box has a lying length",
    "damaged",
    "box at byte",
    join(latin1("\0\0\0\x10ftypheic\0\0\0\0"), latin1("\x7f\0\0\0meta")),
  ],
  [
    "ICO with 65,535 images",
    "over_limit",
    "frames",
    patched(patched(fixture("several.ico"), 4, 2, 65_535, true), 18, 4, 0xfffff0, true),
  ],
  [
    "ICO whose bitmap is of 65,535²",
    "too_many_pixels",
    "65535",
    patched(patched(fixture("masked.ico"), 26, 4, 65_535, true), 30, 4, 131_070, true),
  ],
];

await loadDecoders(BOMBS.map(([, , , bytes]) => bytes));

function refusal(bytes: Uint8Array, code: ImageErrorCode, text: string, limits: DecodeLimits = {}): void {
  const error = assertThrows(() => decodeImage(bytes, limits), ImageError);
  assertEquals(error.code, code, error.message);
  assertStringIncludes(error.message, text);
}

/** Time of the fastest of some runs, in milliseconds: the others may have waited for a busy machine. */
function fastest(run: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const begun = performance.now();
    run();
    return performance.now() - begun;
  });
  return Math.min(...times);
}

for (const [what, code, text, bytes] of BOMBS) {
  Deno.test(`limits: ${what} is refused at once`, () => {
    const { rss } = Deno.memoryUsage();
    const ms = fastest(() => refusal(bytes, code, text));
    assert(ms < 50, `after ${ms} ms`);
    assert(Deno.memoryUsage().rss - rss < 50_000_000);
  });
}

Deno.test("limits: a GIF of 50,000 frames is its first frame, at once", () => {
  const bytes = fixture("animated.gif");
  const second = Buffer.from(bytes).indexOf("21f9", 13 + 768 + 40, "hex");
  const many = join(bytes.slice(0, -1), repeated(bytes.slice(second, -1), 50_000), [0x3b]);
  assertEquals(decodeImage(many), decodeImage(bytes));
  assert(fastest(() => decodeImage(many)) < 50);
});

Deno.test("limits: an AVIF whose header lies about its size takes no more memory than allowed", async () => {
  const bytes = fixture("subsampled.avif");
  await loadDecoders([bytes]);
  const small = heifOf("subsampled.avif", 4, 4);
  const error = assertThrows(() => decodeImage(small, { maxDecodedBytes: 2 ** 26 }), ImageError);
  assertEquals(error.code, "damaged");
});

Deno.test("limits: every bound is an option", () => {
  const image = fixture("restarts-progressive.jpg");
  refusal(image, "too_many_pixels", "50 × 37 pixels; its width may be at most 49", { maxWidth: 49 });
  refusal(image, "too_many_pixels", "its height may be at most 36", { maxHeight: 36 });
  refusal(image, "too_many_pixels", "= 1850 pixels; the limit is 1849", { maxPixels: 1_849 });
  refusal(image, "over_limit", "scans", { maxScans: 3 });
  refusal(image, "over_limit", "chunks", { maxChunks: 3 });
  refusal(image, "over_limit", "bytes to be decoded", { maxDecodedBytes: 10_000 });
  refusal(image, "over_limit", "longer than 0 ms", { maxDecodeMs: 0 });
  refusal(fixture("several.ico"), "over_limit", "has 2 frames", { maxFrames: 1 });
});

Deno.test("limits: a tight time ends the decoding of a large image", () => {
  const side = 6_000;
  const rows = new Uint8Array((side + 1) * side);
  const image = png(side, side, pngChunk("IDAT", deflateSync(rows)));
  refusal(image, "over_limit", "longer than 1 ms", { maxDecodeMs: 1 });
});

Deno.test("limits: a decoder that is not loaded is a fault of the program, not of the image", async () => {
  const fresh = new Worker(new URL("../fixtures/unloaded_decoder_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: "none" },
  });
  try {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    fresh.onmessage = ({ data }) => resolve(data);
    fresh.postMessage(fixture("rows.gif"));
    assertEquals(
      await promise,
      "TypeError: Cannot decode GIF: its decoder is not loaded; await loadDecoders() before",
    );
  } finally {
    fresh.terminate();
  }
});
