import { Buffer } from "node:buffer";
import process from "node:process";
import { deflateSync } from "node:zlib";
import { ImageError } from "../../models/errors.ts";
import type { ImageErrorCode } from "../../models/errors.ts";
import { decodeImage, type DecodeLimits, loadDecoders } from "../../models/image/decode.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";
import {
  BOMBS,
  EVERY_FORMAT,
  fixture,
  join,
  png,
  pngChunk,
  repeated,
  tiffOfTiles,
  withHeifExtent,
} from "../fixtures/image_bombs.ts";

await loadDecoders(BOMBS.map(([, , , bytes]) => bytes));

function refusal(bytes: Uint8Array, code: ImageErrorCode, text: string, limits: DecodeLimits = {}): void {
  const error = assertThrows(() => decodeImage(bytes, limits), ImageError);
  assertEquals(error.code, code, error.message);
  assertStringIncludes(error.message, text);
}

/** CPU time of the fastest of some runs, in milliseconds: on a busy machine the clock would measure others, too. */
function cpuMs(run: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const begun = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1_000;
  });
  return Math.min(...times);
}

for (const [what, code, text, bytes] of BOMBS) {
  Deno.test(`limits: ${what} is refused at once`, () => {
    const { rss } = Deno.memoryUsage();
    const ms = cpuMs(() => refusal(bytes, code, text));
    assert(ms < 50, `after ${ms} ms`);
    assert(Deno.memoryUsage().rss - rss < 50_000_000);
  });
}

Deno.test("limits: a GIF of 50,000 frames is its first frame, at once", () => {
  const bytes = fixture("animated.gif");
  const second = Buffer.from(bytes).indexOf("21f9", 13 + 768 + 40, "hex");
  const many = join(bytes.slice(0, -1), repeated(bytes.slice(second, -1), 50_000), [0x3b]);
  assertEquals(decodeImage(many), decodeImage(bytes));
  assert(cpuMs(() => decodeImage(many)) < 50);
});

Deno.test("limits: an AVIF with more pixels than its header declares gets no more memory than is allowed", () => {
  const flat = Deno.readFileSync(new URL("../fixtures/flat.avif", import.meta.url));
  const small = withHeifExtent(flat, 4, 4);
  refusal(small, "over_limit", "needs more than 36000000 bytes", { maxDecodedBytes: 36_000_000 });
  refusal(small, "damaged", "its pixels cannot be decoded");
  assertEquals(decodeImage(flat).width, 3_000);
});

Deno.test("limits: the time is looked at for each tile of a TIFF, whatever the tiles hold", () => {
  const bytes = tiffOfTiles(40_000, 1_000_000);
  const begun = performance.now();
  refusal(bytes, "over_limit", "takes longer than 100 ms", { maxDecodeMs: 100 });
  // All tiles together have 40 GB.
  assert(performance.now() - begun < 5_000);
});

Deno.test("limits: Huffman tables of a JPEG that no scan uses cost no more than their bytes", () => {
  const plain = fixture("grey.jpg");
  const tables = repeated(new Uint8Array(17), 3_800);
  const length = tables.length + 2;
  const segment = join([0xff, 0xc4, length >> 8, length & 255], tables);
  const many = join(plain.slice(0, 2), repeated(segment, 60), plain.slice(2));
  const begun = performance.now();
  assertEquals(decodeImage(many), decodeImage(plain));
  // To build 228,000 tables takes longer.
  assert(performance.now() - begun < 2_000);
});

for (const [format, build] of EVERY_FORMAT) {
  for (const [width, height] of [[7_000, 7_000], [65_535, 700]] as const) {
    Deno.test(`limits: ${format} of ${width} × ${height} in a few bytes takes no more memory than allowed`, () => {
      const bytes = build(width, height);
      const { rss } = Deno.memoryUsage();
      try {
        assertEquals(decodeImage(bytes).width, width);
      } catch (error) {
        assert(error instanceof ImageError, String(error));
      }
      assert(Deno.memoryUsage().rss - rss < 2 ** 29);
    });
  }
}

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

Deno.test("limits: a BMP of run lengths whose pixels begin in its header is refused at once", () => {
  const bytes = fixture("runs.bmp");
  bytes.fill(0, 10, 14);
  assert(cpuMs(() => refusal(bytes, "damaged", "its pixels begin before its header ends")) < 50);
});

Deno.test("limits: a HEIC that names one thumbnail 1,000 times, with 50,000 properties, is refused at once", () => {
  const box = (type: string, ...parts: readonly Uint8Array[]) => {
    const content = Buffer.concat(parts);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(8 + content.length);
    head.write(type, 4, "latin1");
    return Buffer.concat([head, content]);
  };
  const full = (type: string, ...parts: readonly Uint8Array[]) => box(type, Buffer.alloc(4), ...parts);
  const entry = (item: number, count: number) =>
    Buffer.concat([Buffer.from([0, item, count]), Buffer.alloc(count, 1)]);
  const entries = [entry(1, 1), ...Array.from({ length: 194 }, () => entry(2, 254))];
  const meta = full(
    "meta",
    full("pitm", Buffer.from([0, 1])),
    box(
      "iprp",
      box("ipco", full("ispe", Buffer.from([0, 0, 0, 64, 0, 0, 0, 64]))),
      full("ipma", Buffer.from([0, 0, 0, entries.length]), ...entries),
    ),
    full("iref", ...Array.from({ length: 1_000 }, () => box("thmb", Buffer.from([0, 2, 0, 1, 0, 1])))),
  );
  const bytes = new Uint8Array(Buffer.concat([box("ftyp", Buffer.from("heic\0\0\0\0mif1heic")), meta]));
  refusal(bytes, "damaged", "");
  assert(cpuMs(() => refusal(bytes, "damaged", "")) < 100);
});
