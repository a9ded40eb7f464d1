import { versionAfter } from "../../training/version_after.ts";
import { assertEquals } from "../../testing/assert.ts";

Deno.test("version: a model that replaces another has a higher version", () => {
  const cases = [
    ["1.0.0", "1.0.0", "1.1.0"],
    ["1.9.3", "1.0.0", "1.10.0"],
    ["1.9.0", "1.10.0", "1.10.0"],
    ["2.1.0", "3.0.0", "3.0.0"],
    ["2.0.0", "2.0.0-rc.1", "2.1.0"],
    ["spring", "1.0.0", "1.0.0"],
  ] as const;
  for (const [old, planned, expected] of cases) assertEquals(versionAfter(old, planned), expected, old);
});
