import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { imagebus } from "../fixtures/imagebus.ts";

const CLOTHES = "tests/fixtures/clothes";
const NOWHERE = { IMAGEBUS_URL: "kafka://127.0.0.1:1" };

Deno.test("evaluate: a measurement goes to a bus only if --bus is typed, whatever IMAGEBUS_URL is", async () => {
  const { code, out, err } = await imagebus(
    ["evaluate", "fashion-mnist", "--on", CLOTHES, "--json"],
    NOWHERE,
  );
  assertEquals(code, 0, err);
  assertEquals([JSON.parse(out).model, JSON.parse(out).bus], ["fashion-mnist", null]);
});

const MISTAKES = [
  [["--bus", "sqlite:x", "--report", "x.html"], "Cannot use --report with --bus"],
  [["--timeout-ms", "5s"], "Cannot use --timeout-ms without --bus"],
  [["--kafka-client-id", "me"], "Cannot use --kafka-client-id without --bus"],
  [["--classes", "x.json"], "Cannot use --classes without --photos"],
  [["--photos", ".", "--report", "x.html"], "Cannot use --report with --photos"],
] as const;

Deno.test("evaluate: options that would have no effect are refused, each by its name", async () => {
  for (const [args, text] of MISTAKES) {
    const { code, err } = await imagebus(["evaluate", "mnist", ...args]);
    assertStringIncludes(err, text);
    assertEquals(code, 2);
  }
});

Deno.test("evaluate: images of other classes are refused", async () => {
  const { code, err } = await imagebus(["evaluate", "mnist", "--on", CLOTHES]);
  assertStringIncludes(err, 'the model has no class "');
  assertEquals(code, 2);
});
