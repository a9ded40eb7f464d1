import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { ImageError } from "../../models/errors.ts";
import type { ImageErrorCode } from "../../models/errors.ts";
import { decodeImage, formatName, loadDecoders, openImage } from "../../models/image/decode.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import type { Pixels } from "../../models/image/format.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";
import expected from "../fixtures/images/expected.json" with { type: "json" };

const FIXTURES = new URL("../fixtures/images/", import.meta.url);

function fixture(name: string): Uint8Array {
  return Deno.readFileSync(new URL(name, FIXTURES));
}

/** Premultiplied, since the colour of what is fully transparent is no one's business. */
function visible({ width, height, channels, data }: Pixels): number[] {
  return Array.from({ length: width * height }, (_, i) => {
    const at = (c: number) => data[i * channels + (channels === 1 ? 0 : c)]!;
    const alpha = channels === 4 ? at(3) : 255;
    return [at(0), at(1), at(2)].map((value) => value * alpha / 255).concat(alpha);
  }).flat();
}

await loadDecoders(Object.keys(expected).map(fixture));

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(content.length + 12);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

interface Form {
  readonly depth?: number;
  readonly colourType?: number;
  readonly interlace?: number;
}

/** A PNG whose header declares anything. */
function png(
  width: number,
  height: number,
  rows: Uint8Array,
  form: Form = {},
  extra: Uint8Array[] = [],
): Uint8Array {
  const { depth = 8, colourType = 0, interlace = 0 } = form;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlace], 8);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  const parts = [
    signature,
    chunk("IHDR", header),
    ...extra,
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return new Uint8Array(Buffer.concat(parts));
}

function refusal(bytes: Uint8Array, code: ImageErrorCode, text = ""): void {
  const error = assertThrows(() => decodeImage(bytes), ImageError);
  assertEquals(error.code, code, error.message);
  assertStringIncludes(error.message, text);
}

/** What leaves rounding to the decoder; all others are decoded exactly as Pillow does. */
const LOSSY = /\.(avif|heic)$|^associated-alpha/;

for (const [name, { width, height, rgba }] of Object.entries(expected)) {
  Deno.test(`decode: ${name} has the pixels that Pillow finds in it`, () => {
    const pixels = decodeImage(fixture(name));
    assertEquals([pixels.width, pixels.height], [width, height]);
    const data = new Uint8Array(inflateSync(Uint8Array.fromBase64(rgba)));
    const wanted = visible({ width, height, channels: 4, data });
    const differences = visible(pixels).map((value, i) => Math.abs(value - wanted[i]!));
    const mean = differences.reduce((a, b) => a + b) / differences.length;
    const max = differences.reduce((a, b) => Math.max(a, b));
    assert(mean <= (LOSSY.test(name) ? 2 : 0), `up to ${max}, on average ${mean}`);
  });
}

for (
  const [name, format, bits, colours, orientation] of [
    ["grey-16-bit.png", "PNG", 16, "grey", 1],
    ["palette-4-bit.png", "PNG", 4, "palette with transparency", 1],
    ["orientation-7.png", "PNG", 8, "RGB", 7],
    ["orientation-6.jpg", "JPEG", 8, "YCbCr 4:2:0", 6],
    ["subsampled-440.jpg", "JPEG", 8, "YCbCr 4:4:0", 1],
    ["rgb-adobe-0.jpg", "JPEG", 8, "RGB", 1],
    ["cmyk.jpg", "JPEG", 8, "CMYK", 1],
    ["grey-progressive.jpg", "JPEG", 8, "grey, progressive", 1],
    ["alpha-lossy.webp", "WebP", 8, "YCbCr 4:2:0 with alpha, lossy", 1],
    ["animated-alpha.webp", "WebP", 8, "RGB with alpha, lossless, animated", 1],
    ["transparent.gif", "GIF", 8, "palette with transparency", 1],
    ["clears.gif", "GIF", 8, "palette, interlaced", 1],
    ["fields-565-top-down.bmp", "BMP", 6, "RGB", 1],
    ["runs.bmp", "BMP", 8, "palette, run lengths", 1],
    ["masked.ico", "ICO", 8, "RGB with alpha", 1],
    ["cmyk.tiff", "TIFF", 8, "CMYK", 1],
    ["grey-alpha.tiff", "TIFF", 8, "grey with alpha", 1],
    ["text.ppm", "PNM", 4, "RGB", 1],
    ["grey.avif", "AVIF", 8, "grey", 1],
    ["orientation-3.avif", "AVIF", 8, "YCbCr 4:4:4", 3],
    ["10-bit.avif", "AVIF", 10, "YCbCr 4:4:4", 1],
    ["orientation-7.heic", "HEIC", 8, "YCbCr 4:2:0", 7],
    ["alpha.heic", "HEIC", 8, "YCbCr 4:2:0 with alpha", 1],
  ] as const
) {
  Deno.test(`decode: ${name} is described as what it is`, () => {
    assertEquals(formatName(fixture(name)), format);
    assertEquals(openImage(fixture(name)).describe(), { bits, colours, orientation });
  });
}

Deno.test("decode: what encodePng writes is read back unchanged", () => {
  for (const channels of [1, 3, 4] as const) {
    const data = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => i * 37 % 256);
    assertEquals(decodeImage(encodePng({ width: 5, height: 3, channels, data })), {
      width: 5,
      height: 3,
      channels,
      data,
    });
  }
});

Deno.test("decode: nothing is empty", () => {
  refusal(new Uint8Array(), "empty", "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC, PNM and ICO are accepted");
});

Deno.test("decode: text is not an image, and its first bytes are shown", () => {
  refusal(new TextEncoder().encode("Hello, world"), "not_an_image", "48 65 6c 6c 6f 2c 20 77 (Hello, w)");
});

Deno.test("decode: bytes before an image are named", () => {
  refusal(fixture("case-leading-newline.jpg"), "not_an_image", "after 1 byte a JPEG begins; PNG");
});

for (
  const [start, name] of [
    ["\xff\x0a", "JPEG XL"],
    ["\0\0\0\x0cjP  ", "JPEG 2000"],
    ["\xff\x4f\xff\x51", "JPEG 2000"],
    ["II\xbc\x01", "JPEG XR"],
    ["II+\0", "BigTIFF"],
    ["\0\0\0\x18ftypisom", "MP4, MOV or HEIF of this kind"],
    ["8BPS\0\x01", "Photoshop (PSD)"],
    ['<?xml version="1.0"?>', "SVG or other XML"],
    ["%!PS-Adobe", "PostScript"],
    ["%PDF", "PDF"],
  ] as const
) {
  Deno.test(`decode: ${name} (${start.slice(0, 4)}) is not supported, and is named`, () => {
    const bytes = Uint8Array.from(`${start}\0\0\0\0\0\0`, (character) => character.charCodeAt(0));
    refusal(bytes, "unsupported", `${name} is not supported`);
  });
}

const CUT = [
  "rgb-filtered.png",
  "rgb-16-bit.png",
  "grey.jpg",
  "rgb-progressive.jpg",
  "cmyk.jpg",
  "lossy.webp",
]
  .concat(["alpha-lossless.webp", "interlaced.gif", "palette.bmp", "rgb.ppm", "deflate.tiff", "group4.tiff"])
  .concat(["orientation-6.avif", "rgb.heic", "several.ico"]);

for (const name of CUT) {
  Deno.test(`decode: ${name} cut off anywhere is damaged`, () => {
    const whole = fixture(name);
    const step = Math.max(7, Math.floor(whole.length / 60));
    for (let length = 64; length < whole.length - 8; length += step) {
      refusal(whole.slice(0, length), "damaged");
    }
  });
}

Deno.test("decode: a PNG with a flipped bit is damaged", () => {
  const whole = fixture("rgba.png");
  for (const at of [19, 45, 200, whole.length - 20]) {
    refusal(whole.map((byte, i) => i === at ? byte ^ 4 : byte), "damaged");
  }
});

const CHANGED = ["rgb-interlaced.png", "palette-4-bit.png", "rgb-full-colour.jpg", "grey-restarts.jpg"]
  .concat(["restarts-progressive.jpg", "interlaced.gif", "runs.bmp", "several.ico", "text.ppm", "tiles.tiff"])
  .concat(["group3-two-dimensions.tiff", "jpeg.tiff", "lossy.webp", "alpha.avif", "rgb.heic"]);

for (const name of CHANGED) {
  Deno.test(`decode: no byte of ${name}, changed, gives anything but pixels or a refusal`, () => {
    const whole = fixture(name);
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 1_000)) {
      try {
        decodeImage(whole.map((byte, i) => i === at ? byte ^ 0xff : byte), { maxPixels: 1_000_000 });
      } catch (error) {
        assert(error instanceof ImageError, `${name}, byte ${at}: ${error}`);
      }
    }
  });
}

for (const interlace of [0, 1]) {
  Deno.test(`decode: a PNG that inflates to more than its header declares is damaged (interlace ${interlace})`, () => {
    const bomb = png(1, 1, new Uint8Array(50_000_000), { interlace });
    const before = Deno.memoryUsage().rss;
    refusal(bomb, "damaged", "more than the 2 bytes");
    assert(Deno.memoryUsage().rss - before < 20_000_000);
  });

  Deno.test(`decode: a PNG with fewer pixels than its header declares is damaged (interlace ${interlace})`, () => {
    refusal(png(100, 100, new Uint8Array(1000), { interlace }), "damaged");
    refusal(
      png(7000, 7000, new Uint8Array(10), { interlace }),
      "damaged",
      "its 11 compressed bytes cannot hold 7000 × 7000 pixels",
    );
  });
}

Deno.test("decode: 30,000 × 30,000 pixels are refused before anything is allocated", () => {
  refusal(
    png(30_000, 30_000, new Uint8Array(10)),
    "too_many_pixels",
    "900000000 pixels; the limit is 50000000",
  );
});

Deno.test("decode: a JPEG's pixels are counted before it is decoded", () => {
  const bytes = fixture("grey.jpg");
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  refusal(bytes, "too_many_pixels", "65535 × 65535");
});

Deno.test("decode: a JPEG of a kind that is not decoded is unsupported", () => {
  const bytes = fixture("grey.jpg");
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  refusal(
    bytes.map((byte, i) => i === frame + 1 ? 0xc9 : byte),
    "unsupported",
    "frame type 9 (arithmetic coding)",
  );
  refusal(bytes.map((byte, i) => i === frame + 1 ? 0xf7 : byte), "unsupported", "JPEG-LS");
  refusal(bytes.map((byte, i) => i === frame + 4 ? 12 : byte), "unsupported", "12 bits");
});

const IMPOSSIBLE: readonly (readonly [what: string, bytes: Uint8Array, text: string])[] = [
  ["no pixels", png(0, 5, new Uint8Array(5)), "0 × 5 pixels"],
  ["a colour type that is none", png(1, 1, new Uint8Array(2), { colourType: 5 }), "colour type 5"],
  ["RGB with 4 bits", png(1, 1, new Uint8Array(2), { colourType: 2, depth: 4 }), "bit depth 4"],
  ["an unknown filter", png(1, 1, Uint8Array.of(9, 0)), "filter 9"],
  ["no palette", png(1, 1, new Uint8Array(2), { colourType: 3 }), "no palette"],
  [
    "a colour outside its palette",
    png(1, 1, Uint8Array.of(0, 2), { colourType: 3 }, [chunk("PLTE", Buffer.alloc(6))]),
    "colour 2 of a palette of 2",
  ],
];

for (const [what, bytes, text] of IMPOSSIBLE) {
  Deno.test(`decode: a PNG with ${what} is damaged`, () => refusal(bytes, "damaged", text));
}

Deno.test("decode: 15.7 MB of noise are decoded", () => {
  const side = 2290;
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  const bytes = encodePng({ width: side, height: side, channels: 3, data });
  assertEquals(decodeImage(bytes).data.length, data.length);
});

Deno.test("decode: a very narrow image takes memory by its pixels, not by its rows", () => {
  const rows = 5_000_000;
  const { width, height } = decodeImage(png(1, rows, new Uint8Array(2 * rows)), { maxHeight: rows });
  assertEquals([width, height], [1, rows]);
});

Deno.test("decode: a JPEG whose height comes after its first scan has that height", () => {
  const bytes = fixture("grey.jpg");
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  const height = bytes.slice(frame + 5, frame + 7);
  const { data } = decodeImage(bytes);
  bytes.set([0, 0], frame + 5);
  const lines = Uint8Array.of(0xff, 0xdc, 0, 4, ...height, 0xff, 0xd9);
  assertEquals(decodeImage(new Uint8Array([...bytes.slice(0, -2), ...lines])).data, data);
  refusal(bytes, "damaged", "× 0 pixels, and no segment gives the height");
});

Deno.test("decode: a JPEG above the bound is decoded at a fraction of its size", () => {
  const whole = decodeImage(fixture("subsampled-420.jpg"));
  for (const [divisor, reduceAbovePixels] of [[2, 600], [4, 200], [8, 50], [8, 1]] as const) {
    const { width, height, data } = decodeImage(fixture("subsampled-420.jpg"), { reduceAbovePixels });
    assertEquals([width, height], [Math.ceil(whole.width / divisor), Math.ceil(whole.height / divisor)]);
    const mean = (samples: Uint8Array) => samples.reduce((a, b) => a + b) / samples.length;
    assert(Math.abs(mean(data) - mean(whole.data)) < 8);
  }
});

Deno.test("decode: a HEIC above the bound is decoded from its largest thumbnail, upright", () => {
  const whole = decodeImage(fixture("thumbnails.heic"));
  const small = decodeImage(fixture("thumbnails.heic"), { reduceAbovePixels: 10_000 });
  assertEquals([whole.width, whole.height, small.width, small.height], [360, 240, 288, 192]);
  for (let square = 0; square < 24; square++) {
    const [x, y] = [square % 6 + 0.5, Math.floor(square / 6) + 0.5];
    for (let c = 0; c < 3; c++) {
      const [a, b] = [whole, small].map(({ width, height, data }) =>
        data[3 * (Math.floor(y * height / 4) * width + Math.floor(x * width / 6)) + c]!
      );
      assert(Math.abs(a! - b!) <= 6, `square ${square}: ${a} and ${b}`);
    }
  }
});

Deno.test("decode: a HEIC above the bound is decoded whole if its thumbnail is too small, of other proportions or broken", () => {
  const whole = fixture("thumbnails.heic");
  const extents = [...new TextDecoder("latin1").decode(whole).matchAll(/ispe/g)].map(({ index }) =>
    index + 8
  );
  for (const [width, height] of [[100, 150], [192, 192], [256, 384]] as const) {
    const bytes = whole.slice();
    const view = new DataView(bytes.buffer);
    for (const at of extents.filter((at) => view.getUint32(at) !== 240)) {
      view.setUint32(at, width);
      view.setUint32(at + 4, height);
    }
    assertEquals(decodeImage(bytes, { reduceAbovePixels: 10_000 }).width, 360);
  }
});

Deno.test("decode: what stands behind a WebP is not looked at", () => {
  for (const name of ["orientation-6.webp", "animated.webp", "lossy.webp"]) {
    const bytes = new Uint8Array([...fixture(name), ...new TextEncoder().encode("something behind it")]);
    assertEquals(decodeImage(bytes), decodeImage(fixture(name)));
  }
});

Deno.test("decode: of the transparent colour of a PNG only the bits of a sample count", () => {
  const rows = Uint8Array.of(0, 0b1010_0000);
  const transparent = chunk("tRNS", Buffer.from([0x00, 0xff]));
  const { data } = decodeImage(png(4, 1, rows, { depth: 1 }, [transparent]));
  assertEquals([...data].filter((_, i) => i % 4 === 3), [0, 255, 0, 255]);
});

Deno.test("decode: an icon of .NET, which writes 255 where 0 is expected, is one", () => {
  const bytes = fixture("several.ico");
  bytes[9] = 255;
  assertEquals(decodeImage(bytes), decodeImage(fixture("several.ico")));
});

const EXIF_6 = "4d4d002a0000000800010112000300000001000600000000";

Deno.test("decode: a PNG whose EXIF data is a text, as older versions of ImageMagick write it, is turned", () => {
  const keyword = Buffer.from("Raw profile type exif\0");
  const text = (hex: string) =>
    Buffer.from(`\nexif\n      ${hex.length / 2}\n${hex.replaceAll(/.{72}/g, "$&\n")}\n`);
  const app1 = Buffer.from("Exif\0\0").toString("hex") + EXIF_6;
  const packed = (content: Uint8Array) => Buffer.concat([keyword, Buffer.alloc(1), deflateSync(content)]);
  const heights = (extra: Uint8Array[]) => decodeImage(png(2, 1, new Uint8Array(3), {}, extra)).height;
  assertEquals(heights([chunk("tEXt", Buffer.concat([keyword, text(app1)]))]), 2);
  assertEquals(heights([chunk("zTXt", packed(text(app1)))]), 2);
  assertEquals(heights([chunk("zTXt", packed(text(EXIF_6)))]), 2);
  const upright = chunk("eXIf", Buffer.from(EXIF_6.replace("0006", "0001"), "hex"));
  assertEquals(heights([upright, chunk("zTXt", packed(text(app1)))]), 1);
  for (const broken of [text("00"), text(""), Buffer.alloc(2 ** 22), Buffer.from("exif")]) {
    assertEquals(heights([chunk("zTXt", packed(broken))]), 1);
  }
  assertEquals(heights([chunk("zTXt", keyword), chunk("tEXt", Buffer.from("Comment\0text"))]), 1);
});

Deno.test("decode: to turn a PNG counts as memory", () => {
  const exif = chunk("eXIf", Buffer.from(EXIF_6, "hex"));
  const rows = new Uint8Array(100 * 401);
  const maxDecodedBytes = 100_000;
  assertEquals(decodeImage(png(100, 100, rows, { colourType: 6 }), { maxDecodedBytes }).width, 100);
  const turned = png(100, 100, rows, { colourType: 6 }, [exif]);
  const error = assertThrows(() => decodeImage(turned, { maxDecodedBytes }), ImageError);
  assertStringIncludes(error.message, "needs 120100 bytes to be decoded");
});

Deno.test("decode: a TIFF is decoded if its last strip holds all pixels, though its length goes beyond the file", () => {
  const bytes = fixture("rgb.tiff");
  const directory = Buffer.from(bytes.buffer);
  const at = directory.indexOf(Buffer.from([0x17, 0x01, 4, 0, 1, 0, 0, 0]));
  assert(at > 0);
  directory.writeUInt32LE(bytes.length, at + 8);
  assertEquals(decodeImage(bytes), decodeImage(fixture("rgb.tiff")));
});

Deno.test("decode: a BMP whose alpha is zero everywhere is opaque", () => {
  const bytes = fixture("alpha.bmp");
  const view = new DataView(bytes.buffer);
  for (let at = view.getUint32(10, true) + 3; at < bytes.length; at += 4) bytes[at] = 0;
  const { data } = decodeImage(bytes);
  assert(data.every((value, i) => i % 4 < 3 || value === 255));
});

Deno.test("decode: a TIFF that is not compressed has no predictor", () => {
  const bytes = fixture("rgb.tiff");
  const view = new DataView(bytes.buffer);
  const [directory, planar, predictor] = [view.getUint32(4, true), 284, 317];
  const entries = Array.from({ length: view.getUint16(directory, true) }, (_, i) => directory + 2 + 12 * i);
  const entry = entries.find((at) => view.getUint16(at, true) === planar)!;
  view.setUint16(entry, predictor, true);
  view.setUint16(entry + 8, 2, true);
  assertEquals(decodeImage(bytes), decodeImage(fixture("rgb.tiff")));
});

/** An icon of 16 × 16 pixels in 4 and in 32 bits, whose directory does not contain how many. */
Deno.test("decode: of icons of one size whose directory names no bits, that with the most bits is taken", () => {
  const dib = (bits: number, content: Uint8Array) => {
    const header = Buffer.alloc(40);
    [40, 16, 32].forEach((value, i) => header.writeUInt32LE(value, 4 * i));
    header.writeUInt16LE(1, 12);
    header.writeUInt16LE(bits, 14);
    return Buffer.concat([header, content, Buffer.alloc(64)]);
  };
  const images = [
    dib(4, Buffer.alloc(64 + 128)),
    dib(32, Buffer.alloc(1024, Buffer.from([10, 200, 30, 255]))),
  ];
  const directory = Buffer.from("000001000200", "hex");
  let offset = 6 + 32;
  const entries = images.map((image) => {
    const entry = Buffer.from([16, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    entry.writeUInt32LE(image.length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += image.length;
    return entry;
  });
  const { data } = decodeImage(new Uint8Array(Buffer.concat([directory, ...entries, ...images])));
  assertEquals([...data.subarray(0, 4)], [30, 200, 10, 255]);
});
