import { fileURLToPath } from "node:url";
import { FORM_NAMES, FORMS } from "../../../models/image/canonical/forms.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";

const FIXTURE = fileURLToPath(new URL("../../fixtures/canonical_memory.ts", import.meta.url));

/** Patterns that give the most components, edges and colours. */
const PATTERNS: Record<string, (x: number, y: number) => number> = {
  "single pixels": (x, y) => x % 2 === 0 && y % 2 === 0 ? 255 : 0,
  "stripes": (x) => x % 2 === 0 ? 255 : 0,
  "noise": (x, y) => Math.imul(4099 * y + x + 1, 2_654_435_761) >>> 24,
  "a spiral": (x, y) =>
    Math.floor(Math.hypot(x - 128, y - 128) + 3 * Math.atan2(y - 128, x - 128)) % 6 < 2 ? 255 : 0,
};

function draw(side: number, pattern: (x: number, y: number) => number): Pixels {
  const data = Uint8Array.from({ length: side * side }, (_, i) => pattern(i % side, Math.floor(i / side)));
  return { width: side, height: side, channels: 1, data };
}

for (const name of FORM_NAMES) {
  Deno.test(`${name}: noise and patterns give a form too`, () => {
    for (const [what, pattern] of Object.entries(PATTERNS)) {
      for (const side of [2, 29, 256]) {
        const { width, height, channels, data } = FORMS[name](draw(side, pattern));
        assertEquals(data.length, width * height * channels, `${what}, ${side}`);
        assert(Math.max(width, height) <= 32, `${what}, ${side}`);
      }
    }
  });

  Deno.test({
    name: `${name}: 12 megapixels need at most 64 MB beside the image`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", "--allow-run=cat", FIXTURE, name],
      }).output();
      const bytes = Number(new TextDecoder().decode(stdout));
      assert(success && bytes < 64e6, `${(bytes / 1e6).toFixed(0)} MB`);
    },
  });
}
