import { ImageError } from "../../models/errors.ts";
import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { assertEquals, assertThrows } from "../../testing/assert.ts";
import { fixture, indexOf, join, latin1, patched, png, pngChunk } from "../fixtures/image_bombs.ts";

const ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC, PNM and ICO are accepted";

/** A HEIC whose image item is of another kind. */
function heicOf(kind: string): Uint8Array {
  const bytes = fixture("rgb.heic");
  bytes.set(latin1(kind), indexOf(bytes, "hvc1"));
  return bytes;
}

/** A PNG whose rows are no deflated data. */
const BROKEN_ROWS = png(1, 1, pngChunk("IDAT", Uint8Array.of(1, 2, 3, 4)));

const BMP_END = fixture("rgb.bmp").length - 2;

/** Files with their refusals, whole: what is wrong, the value, and numbers that agree with their nouns. */
const REFUSALS: readonly (readonly [what: string, file: Uint8Array, message: string])[] = [
  ["one letter", latin1("A"), `The image of 1 byte begins with 41 (A); ${ACCEPTED}`],
  [
    "a JPEG behind a line feed",
    join(latin1("\n"), fixture("grey.jpg")),
    `The image of 451 bytes begins with 0a ff d8 ff e0 00 10 4a (·······J); after 1 byte a JPEG begins; ${ACCEPTED}`,
  ],
  [
    "a PNG with broken rows",
    BROKEN_ROWS,
    "The PNG is damaged: its compressed pixels are broken (incorrect header check)",
  ],
  [
    "a PNG without rows",
    png(3, 4),
    "The PNG is damaged: its 0 compressed bytes cannot hold 3 × 4 pixels",
  ],
  [
    "a BMP without its last bytes",
    fixture("rgb.bmp").slice(0, BMP_END),
    "The BMP is damaged: its pixels take 831 bytes; 830 are left",
  ],
  [
    "a BMP of 1 bit with run lengths",
    patched(fixture("bilevel.bmp"), 30, 4, 2, true),
    "This BMP is not supported: 1 bit per pixel with compression 2; expected 1 to 32 bits, plain, run lengths or bit fields",
  ],
  [
    "a HEIC of another codec",
    heicOf("jpeg"),
    "This HEIC is not supported: Support for this compression format has not been built in",
  ],
  [
    "a HEIC with 65,535 extents",
    patched(fixture("rgb.heic"), indexOf(fixture("rgb.heic"), "iloc") + 10, 2, 65_535, false),
    "The HEIC exceeds a limit of its decoder: iloc box contains 65535 items, which exceeds the security limit of 1000 items.",
  ],
];

await loadDecoders(REFUSALS.map(([, file]) => file));

for (const [what, file, message] of REFUSALS) {
  Deno.test(`refusals: ${what} is refused in words that are true`, () => {
    assertEquals(assertThrows(() => decodeImage(file), ImageError).message, message);
  });
}
