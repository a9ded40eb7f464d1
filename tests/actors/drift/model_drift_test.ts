import { ModelDrift } from "../../../actors/drift/model_drift.ts";
import type { Classified } from "../../../bus/result.ts";
import { type Prediction, referenceOf } from "../../../models/reference.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { Random } from "../../../training/random.ts";

const CLASSES = 10;
const WINDOW = 1_000;

/** Predictions of an imagined model: classes are equally frequent, confidences mostly high. */
function* predictions(seed: number): Generator<Prediction, never> {
  const random = new Random(seed, 1);
  for (;;) {
    yield { index: random.integer(0, CLASSES - 1), confidence: 1 - 0.5 * random.between(0, 1) ** 4 };
  }
}

function take(
  count: number,
  seed: number,
  change: (one: Prediction, i: number) => Prediction = (one) => one,
) {
  return predictions(seed).take(count).map(change).toArray();
}

const REFERENCE = referenceOf("test", take(10_000, 1), CLASSES);

/** The states after each window. */
function statesOf(all: readonly Prediction[]): string[] {
  const drift = new ModelDrift({ model: "m", version: "1", reference: REFERENCE });
  return all.flatMap((prediction, i) => {
    drift.add({ ...prediction, modelVersion: "1" } as Classified);
    return (i + 1) % WINDOW === 0 ? [drift.drift.state] : [];
  });
}

Deno.test("drift: 50 windows of unchanged predictions are no reason for a warning", () => {
  assertEquals(new Set(statesOf(take(50 * WINDOW, 2))), new Set(["none"]));
});

const CHANGES: Readonly<Record<string, (one: Prediction, i: number) => Prediction>> = {
  "a class that grows to half": (one, i) => i % 9 < 4 ? { ...one, index: 3 } : one,
  "half of the confidence": (one) => ({ ...one, confidence: one.confidence / 2 }),
  "two classes that vanish": ({ index, confidence }) => ({ index: index % 8, confidence }),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`drift: ${what} is an alarm within three windows, and not in the first one`, () => {
    const states = statesOf(take(3 * WINDOW, 3, change));
    assertEquals([states[0], states[1]], ["none", "alarm"]);
  });
}

Deno.test("drift: what other versions predict does not count, and another version starts anew", () => {
  const model = { model: "m", version: "1", reference: REFERENCE };
  const drift = new ModelDrift(model);
  const add = (modelVersion: string) =>
    take(2 * WINDOW, 4).forEach((one) => drift.add({ ...one, index: 0, modelVersion } as Classified));
  add("2");
  assertEquals(drift.drift.state, "unknown");
  add("1");
  assertEquals(drift.drift.state, "alarm");
  model.version = "2";
  drift.add({ index: 0, confidence: 1, modelVersion: "2" } as Classified);
  assert(drift.drift.state === "unknown");
});
