import { ModelDrift } from "../../../actors/drift/model_drift.ts";
import type { Classified } from "../../../bus/result.ts";
import type { Tone } from "../../../models/image/tone.ts";
import { type Prediction, type Reference, referenceOf } from "../../../models/reference.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { Random } from "../../../training/random.ts";

const CLASSES = 10;
const WINDOW = 1_000;

type Seen = Prediction & Tone;

/** Predictions of an imagined model: classes are equally frequent, confidences mostly high. */
function* predictions(seed: number): Generator<Seen, never> {
  const random = new Random(seed, 1);
  for (;;) {
    yield {
      index: random.integer(0, CLASSES - 1),
      confidence: 1 - 0.5 * random.between(0, 1) ** 4,
      brightness: random.between(0.1, 0.3),
      contrast: random.between(0.2, 0.4),
    };
  }
}

function take(
  count: number,
  seed: number,
  change: (one: Seen, i: number) => Seen = (one) => one,
) {
  return predictions(seed).take(count).map(change).toArray();
}

const REFERENCE = referenceOf("test", take(10_000, 1), take(10_000, 1), CLASSES);

/** The states after each window. */
function statesOf(all: readonly Seen[], reference: Reference = REFERENCE): string[] {
  const drift = new ModelDrift({ model: "m", version: "1", reference });
  return all.flatMap(({ brightness, contrast, ...prediction }, i) => {
    drift.addTones("1", Float64Array.of(brightness, contrast));
    drift.add({ ...prediction, modelVersion: "1" } as Classified);
    return (i + 1) % WINDOW === 0 ? [drift.drift.state] : [];
  });
}

Deno.test("drift: 50 windows of unchanged predictions are no reason for a warning", () => {
  assertEquals(new Set(statesOf(take(50 * WINDOW, 2))), new Set(["none"]));
});

const CHANGES: Readonly<Record<string, (one: Seen, i: number) => Seen>> = {
  "a class that grows to half": (one, i) => i % 9 < 4 ? { ...one, index: 3 } : one,
  "half of the confidence": (one) => ({ ...one, confidence: one.confidence / 2 }),
  "two classes that vanish": ({ index, ...one }) => ({ ...one, index: index % 8 }),
  "inverted images": ({ brightness, ...one }) => ({ ...one, brightness: 1 - brightness }),
  "flat images": ({ contrast, ...one }) => ({ ...one, contrast: contrast / 2 }),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`drift: ${what} is an alarm within three windows, and not in the first one`, () => {
    const states = statesOf(take(3 * WINDOW, 3, change));
    assertEquals([states[0], states[1]], ["none", "alarm"]);
  });
}

Deno.test("drift: of a model whose reference has no tones, the images are not compared", () => {
  const { tone: _, ...older } = REFERENCE;
  const inverted = take(3 * WINDOW, 3, CHANGES["inverted images"]);
  assertEquals(new Set(statesOf(inverted, older)), new Set(["none"]));
});

Deno.test("drift: images that cannot be decoded are no images of the window", () => {
  const states = statesOf(
    take(4 * WINDOW, 3, (one, i) => i % 2 === 0 ? one : { ...one, brightness: NaN, contrast: NaN }),
  );
  assertEquals(new Set(states), new Set(["none"]));
});

Deno.test("drift: what other versions predict does not count, and another version starts anew", () => {
  const model = { model: "m", version: "1", reference: REFERENCE };
  const drift = new ModelDrift(model);
  const add = (modelVersion: string) =>
    take(2 * WINDOW, 4).forEach(({ confidence }) =>
      drift.add({ index: 0, confidence, modelVersion } as Classified)
    );
  add("2");
  assertEquals(drift.drift.state, "unknown");
  add("1");
  assertEquals(drift.drift.state, "alarm");
  model.version = "2";
  drift.add({ index: 0, confidence: 1, modelVersion: "2" } as Classified);
  assert(drift.drift.state === "unknown");
});
