import { packOutcomes, unpackOutcomes } from "../../../actors/workers/outcomes.ts";
import type { Outcome } from "../../../models/classifier.ts";
import { assertEquals } from "../../../testing/assert.ts";

const LABELS = ["shirt", "bag", "boot"];

Deno.test("outcomes: unpacked on another thread, each image has its own, to the bit", () => {
  const score = (index: number, confidence: number) => ({ index, label: LABELS[index]!, confidence });
  const outcomes: Outcome[] = [
    { ok: true, top: [score(2, 0.1 + 0.2), score(0, 1 / 3)] },
    { ok: false, code: "damaged", message: "The image ends too early" },
    { ok: true, top: [score(1, 5e-324)], unknown: false },
    { ok: true, top: [score(0, 1), score(1, 0), score(2, 0)], unknown: true },
    { ok: false, code: "not_an_image", message: "It is a text" },
  ];
  assertEquals(unpackOutcomes(structuredClone(packOutcomes(outcomes)), LABELS), outcomes);
  assertEquals(unpackOutcomes(packOutcomes([]), LABELS), []);
});
