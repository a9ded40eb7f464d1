import { digit } from "../../../models/image/canonical/digit.ts";
import { decodeImage, loadDecoders } from "../../../models/image/decode.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { upright } from "../../../models/image/orientation.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { encodeJpeg, withOrientation } from "../../../testing/encoders/jpeg.ts";
import { imagesOf } from "../../../testing/images.ts";
import {
  BLACK,
  type Colour,
  invert,
  paste,
  plain,
  resize,
  shade,
  tint,
  transparent,
  WHITE,
} from "../../../testing/scenes.ts";
import { assertAlike } from "./alike.ts";

/** The first test image of each digit: white on black, 28×28. */
const DIGITS = imagesOf("mnist").map(({ png }) => decodeImage(png));
const [RED, NAVY]: [Colour, Colour] = [[200, 60, 40], [20, 30, 90]];

/** In each scene every digit must give about what MNIST has. */
function inScene(name: string, scene: (image: Pixels, i: number) => Pixels) {
  Deno.test(`digit: MNIST's form comes out of ${name}`, () => {
    DIGITS.forEach((image, i) => assertAlike(digit(scene(image, i)), image, 0.85, `${name}, digit ${i}`));
  });
}

Deno.test("digit: an image of MNIST passes bit for bit, in whatever number of channels", () => {
  for (const image of DIGITS) {
    assertEquals(digit(image), image);
    const rgb = paste(image, 28, 0, 0, BLACK);
    assert(digit(rgb) === rgb);
  }
});

inScene("a digit that is enlarged tenfold", (image) => resize(image, 280));
inScene("a dark digit on white", (image) => invert(image));
inScene("a large dark digit on white", (image) => resize(invert(image), 280));
inScene(
  "a light digit on a colour, off centre",
  (image) => paste(resize(tint(image, RED, WHITE), 140), 300, 130, 20, RED),
);
inScene(
  "a dark digit on a colour, off centre",
  (image) => paste(resize(tint(image, RED, BLACK), 140), 300, 10, 150, RED),
);
inScene(
  "ink that differs from its paper in colour alone",
  (image) => resize(tint(image, [60, 100, 220], [220, 100, 60]), 280),
);
inScene(
  "paper that is lit from one side",
  (image) => shade(resize(invert(image), 280), (x, y) => 1 - 0.65 * (x + y) / 560),
);
inScene("lined paper", (image) => {
  const paper = paste(resize(tint(invert(image), NAVY, WHITE), 140), 280, 70, 70, WHITE);
  return shade(paper, (_, y) => y % 40 < 2 ? 0.85 : 1);
});
inScene("black ink on a transparent ground", (image) => transparent(resize(image, 140), BLACK));
inScene("white ink on a transparent ground", (image) => transparent(resize(image, 140), WHITE));

Deno.test("digit: a photograph that lies on its side is read upright", async () => {
  const inverse = { 3: 3, 6: 8, 8: 6 } as const;
  for (const orientation of [3, 6, 8] as const) {
    const stored = encodeJpeg(upright(resize(invert(DIGITS[7]!), 140), inverse[orientation]), 90);
    const file = withOrientation(stored, orientation);
    await loadDecoders([file]);
    assertAlike(digit(decodeImage(file)), DIGITS[7]!, 0.85, `orientation ${orientation}`);
  }
});

Deno.test("digit: what touches the border is left out beside a digit", () => {
  const sheet = paste(resize(invert(DIGITS[3]!), 112), 280, 84, 84, WHITE);
  const edge = shade(sheet, (x) => x < 12 ? 0.1 : 1);
  assertAlike(digit(edge), DIGITS[3]!, 0.85, "edge of the paper");
});

Deno.test("digit: an image with nothing on it is black, of any size", () => {
  for (const [width, height] of [[1, 1], [28, 28], [1, 3000], [3000, 1], [640, 480]] as const) {
    for (const colour of [WHITE, BLACK, RED]) {
      const { data, ...form } = digit(plain(width, height, colour));
      assertEquals(form, { width: 28, height: 28, channels: 1 });
      assert(data.every((value) => value === 0), `${width}×${height}`);
    }
  }
});
