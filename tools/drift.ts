/**
 * `deno task drift`: proves what the drift of a model reports. The reference is what it predicts for one half of its test
 * images; windows are drawn from the other half, unchanged and changed. Exits with 0 if 50 unchanged windows cause no
 * alarm, and each change causes one within three.
 *
 * @module
 */
import { ModelDrift } from "../actors/drift/model_drift.ts";
import type { Classified } from "../bus/result.ts";
import { DATA_OPTION } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { columns, print } from "../cli/ui/terminal.ts";
import { createClassifier } from "../models/classifier.ts";
import type { Pixels } from "../models/image/format.ts";
import { encodePng } from "../models/image/encode_png.ts";
import { type Tone, toneOf } from "../models/image/tone.ts";
import { type Prediction, type Reference, referenceOf } from "../models/reference.ts";
import { loadModels } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { type DataSet, imageAt } from "../training/datasets/data_set.ts";
import { readTrainingData } from "../training/fitting/task.ts";
import { Random } from "../training/random.ts";
import { MODELS_OPTION, modelsOf } from "./models_option.ts";

const UNCHANGED = "none";
const WINDOW = 1_000;
const UNCHANGED_WINDOWS = 50;
const CHANGED_WINDOWS = 3;
const BATCH = 64;

type Change = (pixels: Uint8Array, data: DataSet, random: Random) => Uint8Array;

const CHANGES: Readonly<Record<string, Change>> = {
  "blur 3×3": (pixels, { width, height, channels }) => {
    const blurred = new Uint8Array(pixels.length);
    for (let i = 0; i < pixels.length; i++) {
      const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
      let [sum, count] = [0, 0];
      for (const [dx, dy] of NEIGHBOURS) {
        if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
        sum += pixels[i + channels * (dx + width * dy)]!;
        count++;
      }
      blurred[i] = sum / count;
    }
    return blurred;
  },
  "noise ±40": (pixels, _, random) =>
    pixels.map((value) => Math.min(255, Math.max(0, value + random.integer(-40, 40)))),
  "inversion": (pixels) => pixels.map((value) => 255 - value),
};

const NEIGHBOURS = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy] as const));

await runTask({
  name: "drift",
  summary: "Prove that drift is reported for changed images, and not for unchanged ones",
  options: { ...MODELS_OPTION, ...DATA_OPTION },
  examples: [["deno task drift --models mnist", "one model"]],
  async run({ values }) {
    let ok = true;
    const rows: string[][] = [[
      "model",
      "change",
      "windows",
      "states",
      "index of classes, confidence, images",
    ]];
    for (const name of modelsOf(values)) {
      for (const { change, states, indices } of await prove(name, values.data)) {
        const expected = change === UNCHANGED ? !states.includes("alarm") : states.includes("alarm");
        ok &&= expected;
        const counts = [...Map.groupBy(states, (state) => state)].map(([state, all]) =>
          `${all.length} ${state}`
        );
        const index = indices.map((one) => one?.toFixed(2) ?? "–").join(", ");
        rows.push([name, change, String(states.length), counts.join(", ") + (expected ? "" : " !"), index]);
      }
    }
    print(columns(rows));
    return ok ? 0 : 1;
  },
});

interface Proof {
  readonly change: string;
  readonly states: readonly string[];
  /** Of classes, confidence and images, in the last window. */
  readonly indices: readonly (number | null)[];
}

/** What is known of an image: what drift counts. */
type Seen = Prediction & Tone;

async function prove(name: string, data: string | undefined): Promise<Proof[]> {
  const [files] = await loadModels({ names: [name] });
  using classifier = await createClassifier(files!, await loadWasmBinary());
  const { input: { width, height, channels }, labels } = files!.manifest;
  const form = { width, height, channels };
  const test = await readTrainingData(name, "test", data);
  const other = await readTrainingData(name === "mnist" ? "fashion-mnist" : "mnist", "test", data, form);
  const random = new Random(1, 1);
  const predict = (
    set: DataSet,
    first: number,
    step: number,
    count: number,
    change?: Change,
  ): Seen[] => {
    const found: Seen[] = [];
    for (let at = 0; at < count; at += BATCH) {
      const images = Array.from({ length: Math.min(BATCH, count - at) }, (_, i): Pixels => {
        const pixels = imageAt(set, first + step * (at + i));
        const { width, height, channels } = set;
        return { width, height, channels, data: change?.(pixels, set, random) ?? pixels };
      });
      classifier.classify(images.map(encodePng)).forEach((outcome, i) => {
        if (outcome.ok) found.push({ ...outcome.top[0], ...toneOf(images[i]!, form) });
      });
    }
    return found;
  };
  const half = Math.floor(test.count / 2);
  const known = predict(test, 0, 2, half);
  const reference = referenceOf(test.title, known, known, labels.length);
  const unchanged = predict(test, 1, 2, half);
  const count = CHANGED_WINDOWS * WINDOW;
  const drawn = (from: readonly Seen[], windows: number) =>
    Array.from({ length: windows * WINDOW }, () => from[random.integer(0, from.length - 1)]!);
  const often = unchanged.filter(({ index }) => index === 3);
  const grown = drawn(unchanged, CHANGED_WINDOWS).map((one) =>
    random.between(0, 1) < 4 / 9 ? often[random.integer(0, often.length - 1)]! : one
  );
  return [
    observe(UNCHANGED, reference, drawn(unchanged, UNCHANGED_WINDOWS)),
    ...Object.entries(CHANGES).map(([what, change]) =>
      observe(what, reference, predict(test, 1, 2, Math.min(count, half), change))
    ),
    observe(`images of ${other.title}`, reference, predict(other, 0, 1, count)),
    observe("a class that grows to half", reference, grown),
  ];
}

/** The state after each window. */
function observe(change: string, reference: Reference, seen: readonly Seen[]): Proof {
  const drift = new ModelDrift({ model: "model", version: "1", reference });
  const states = seen.flatMap(({ brightness, contrast, ...prediction }, i) => {
    drift.addTones("1", Float64Array.of(brightness, contrast));
    drift.add({ ...prediction, modelVersion: "1" } as Classified);
    return (i + 1) % WINDOW === 0 ? [drift.drift.state] : [];
  });
  const { label, confidence, image } = drift.drift;
  return { change, states, indices: [label, confidence, image] };
}
