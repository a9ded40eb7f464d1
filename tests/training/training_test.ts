import { startBackend } from "../../models/backend.ts";
import { ModelError } from "../../models/errors.ts";
import { loadModels } from "../../models/registry.ts";
import { readCheckpoint, writeCheckpoint } from "../../training/fitting/checkpoint.ts";
import type { Checkpoint } from "../../training/fitting/checkpoint.ts";
import { accuracyOf, finish, fit, startFit } from "../../training/fitting/fit.ts";
import type { Progress } from "../../training/fitting/fit.ts";
import { parseRecipe } from "../../training/recipes/parse_recipe.ts";
import { findRecipe, RECIPES } from "../../training/recipes/recipes.ts";
import { ShardTrainer } from "../../training/fitting/shard.ts";
import type { TrainingTask } from "../../training/fitting/training_task.ts";
import { joinTask } from "../../training/fitting/task.ts";
import { Team } from "../../training/fitting/team.ts";
import { conclude } from "../../training/train.ts";
import { bestWeights } from "../../training/fitting/trained_model.ts";
import type { TrainedWeights, Training } from "../../training/fitting/trained_model.ts";
import { meanOf } from "../../training/fitting/parameters.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { writeModel } from "../../training/write_model.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../testing/assert.ts";
import { HALVES, halves, halvesTask } from "../fixtures/halves.ts";

const wasm = await loadWasmBinary();

async function trained(task: TrainingTask, workers: number, onProgress?: (progress: Progress) => void) {
  await using team = await Team.start(task, workers, wasm);
  return await fit(task, team, startFit(task), onProgress === undefined ? {} : { onProgress });
}

Deno.test("training: the gradient of a network agrees with finite differences of its loss", async () => {
  await startBackend(wasm);
  // Where a filter passes on zeros of a ReLU, pixels of a pool are equal, and the loss is not differentiable.
  const initial = { whiten: true, identity: false };
  const task = halvesTask({ ...HALVES, initial, shard: 32, augmentation: { shift: 0, mirror: false } });
  const trainer = new ShardTrainer(task);
  const { parameters } = startFit(task);
  const images = { indices: Uint32Array.from({ length: 32 }, (_, i) => i), epoch: 0, seen: 0 };
  const gradient = new Float32Array(parameters.length);
  const lossAt = (numbers: Float32Array) =>
    trainer.gradient(numbers, images, new Float32Array(gradient.length)).loss;
  trainer.gradient(parameters, images, gradient);
  const largest = [...gradient.keys()].sort((a, b) => Math.abs(gradient[b]!) - Math.abs(gradient[a]!)).slice(
    0,
    12,
  );
  for (const i of largest) {
    const step = 2e-3;
    const [above, below] = [step, -step].map((d) => lossAt(parameters.with(i, parameters[i]! + d))) as [
      number,
      number,
    ];
    const slope = (above - below) / (2 * step);
    assert(
      Math.abs(slope - gradient[i]!) < 0.05 * Math.abs(gradient[i]!) + 1e-4,
      `parameter ${i}: ${slope}, ${gradient[i]}`,
    );
  }
  assertEquals([...gradient.subarray(0, 4 * 8)], new Array(32).fill(0), "the whitening layer is fixed");
});

Deno.test("training: a small network learns and reports its progress", async () => {
  const reports: Progress[] = [];
  const { history } = await trained(halvesTask(), 2, (progress) => reports.push(progress));
  const last = reports.at(-1)!;
  assertEquals([last.epoch, last.epochs, last.share, last.secondsLeft], [3, 3, 1, 0]);
  assertEquals(last.record, history.at(-1));
  assertEquals(history.map(({ epoch }) => epoch), [1, 2, 3]);
  assertEquals(last.record?.validationAccuracy, 1);
  assert(history[2]!.trainLoss < history[0]!.trainLoss && last.imagesPerSecond > 0);
});

Deno.test("training: the same seed gives the same weights with any number of Workers", async () => {
  const [one, two, three] = await Promise.all([1, 2, 3].map((workers) => trained(halvesTask(), workers)));
  assertEquals(two!.parameters, one!.parameters);
  assertEquals(three!.parameters, one!.parameters);
  const other = await trained(halvesTask({ ...HALVES, seed: 2 }), 1);
  assert(other.parameters.some((number, i) => number !== one!.parameters[i]));
});

Deno.test("training: resuming from any checkpoint gives the same weights", async () => {
  const task = halvesTask();
  const uninterrupted = await trained(task, 2);
  const steps = Math.floor(384 / 32) * 3;
  for (const at of [1, 12, 17, steps - 1]) {
    await using team = await Team.start(task, 2, wasm);
    const controller = new AbortController();
    let saved: Checkpoint | undefined;
    // `fit` modifies the state that it is given, so it can only be copied between two steps.
    const onProgress = ({ epoch, share }: Progress) => {
      if (Math.round((epoch - 1 + share) * 12) >= at) controller.abort(new Error("enough"));
    };
    const state = startFit(task);
    const stopped = fit(task, team, state, {
      onProgress,
      signal: controller.signal,
      save: (checkpoint) => {
        saved = structuredClone(checkpoint);
        return Promise.resolve();
      },
    });
    await assertRejects(() => stopped, Error, "enough");
    const resumed = await fit(task, team, saved ?? startFit(task));
    assertEquals(resumed.parameters, uninterrupted.parameters, `interrupted after step ${at}`);
  }
});

Deno.test("training: a folded network has a validation accuracy of 1", async () => {
  const task = halvesTask();
  await using team = await Team.start(task, 2, wasm);
  const { parameters } = await fit(task, team, startFit(task));
  const folded = await finish(task, team, parameters);
  const logits = await team.predict(folded);
  assertEquals(logits.length, 100);
  assertEquals(accuracyOf(logits, task.validation), 1);
});

Deno.test("training: divergence is reported with the learning rate", async () => {
  const recipe = { ...HALVES, epochs: 20, batchNorm: false, initial: { whiten: false, identity: false } };
  const wild = { ...recipe, optimiser: { ...HALVES.optimiser, learningRate: 99 } };
  const error = await assertRejects(() => trained(halvesTask(wild), 1), ModelError);
  assertStringIncludes(error.message, "its learning rate of 99 is too high");
});

Deno.test("training: a checkpoint is read back, and refused for another recipe or as another file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = new URL(`file://${directory}/seed-1.checkpoint`);
    assertEquals(await readCheckpoint(file, HALVES), undefined);
    const state = startFit(halvesTask());
    await writeCheckpoint(file, HALVES, state);
    assertEquals(await readCheckpoint(file, { ...HALVES, description: "other words" }), state);
    const other = { ...HALVES, labelSmoothing: 0.3 };
    assertStringIncludes(
      (await assertRejects(() => readCheckpoint(file, other), ModelError)).message,
      "another recipe",
    );
    await Deno.writeTextFile(file, "something else");
    assertStringIncludes(
      (await assertRejects(() => readCheckpoint(file, HALVES), ModelError)).message,
      "not a checkpoint",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function concluded(task: TrainingTask): Promise<Training> {
  await using team = await Team.start(task, 2, wasm);
  return await conclude(task, team, await fit(task, team, startFit(task)));
}

Deno.test("training: a written model is served, with the measurements in its card, manifest and log", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const task = halvesTask();
    const trainings = [await concluded(task)];
    const out = new URL(`file://${directory}/`);
    const { measures: { evaluations: [evaluation] } } = await writeModel(out, { task, trainings }, [
      halves(40),
    ]);
    assertEquals([evaluation?.correct, evaluation?.images], [40, 40]);
    const [files] = await loadModels({ dirs: [directory], shipped: false });
    assertEquals(files?.manifest.evaluation, { data: "halves", images: 40, accuracy: 1 });
    const card = await Deno.readTextFile(`${directory}/halves/card.md`);
    assertStringIncludes(card, "| accuracy on halves | 40 of 40 (100.00 %) |");
    const log = JSON.parse(await Deno.readTextFile(`${directory}/halves/training.json`));
    assertEquals([log.trainings[0].epochs.length, log.trainings[0].testAccuracy], [3, 1]);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["halves"]);
    const names = [...Deno.readDirSync(`${directory}/halves/samples`)].map(({ name }) => name).sort();
    assertEquals(names, ["0-right.png", "1-left.png"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("training: of several seeds the one with the lowest validation loss is written", () => {
  const trainings = [0.5, 0.3, 0.3].map((validationLoss, seed) => ({ seed, validationLoss }) as Training);
  assertEquals(bestWeights({ trainings }), trainings[1]);
  for (const [validationLoss, isBest] of [[0.4, false], [0.3, true]] as const) {
    const average = { validationLoss } as TrainedWeights;
    assertEquals(bestWeights({ trainings, average }), isBest ? average : trainings[1]);
  }
});

Deno.test("training: the mean of the weights of several trainings is written where it is the best", async () => {
  await using directory = await temporaryDirectory("training-test");
  const task = halvesTask();
  const training = await concluded(task);
  const trainings = [training, { ...training, seed: 2 }];
  const average = { ...training, numbers: meanOf(trainings.map(({ numbers }) => numbers)), temperature: 0.5 };
  const out = new URL(`file://${directory.path}/`);
  const { manifest } = await writeModel(out, { task, trainings, average }, [halves(40)]);
  assertEquals(manifest.temperature, 0.5);
  const card = await Deno.readTextFile(`${directory.path}/halves/card.md`);
  assertStringIncludes(card, "the mean of those of seeds 1, 2");
  assertStringIncludes(card, "mean accuracy of 2 seeds");
  const log = JSON.parse(await Deno.readTextFile(`${directory.path}/halves/training.json`));
  assertEquals([log.trainings.length, log.average.testAccuracy], [2, 1]);
});

Deno.test("training: ends between two steps when it is aborted", async () => {
  const task = halvesTask({ ...HALVES, epochs: 1_000 });
  await using team = await Team.start(task, 1, wasm);
  const controller = new AbortController();
  const fitting = fit(task, team, startFit(task), {
    onProgress: () => controller.abort(new Error("enough")),
    signal: controller.signal,
  });
  await assertRejects(() => fitting, Error, "enough");
});

const UNTRAINABLE: readonly (readonly [what: string, json: string, text: string])[] = [
  [
    "filters",
    '{"type": "conv2d", "filters": 12, "kernel": 3}',
    "its filters must be a multiple of 8; it has 12",
  ],
  ["stride", '{"type": "conv2d", "filters": 8, "kernel": 3, "stride": 2}', "stride and dilation must be 1"],
  [
    "another type",
    '{"type": "averagePool2d", "size": 2}',
    "supported are conv2d, maxPool2d, flatten and dense",
  ],
];

for (const [what, layer, text] of UNTRAINABLE) {
  Deno.test(`recipe: a layer that cannot be trained is reported: ${what}`, () => {
    const json = `{ "layers": [${layer}, {"type": "flatten"}, {"type": "dense", "units": 2}] }`;
    const recipe = parseRecipe(json, "mine.json", { ...HALVES, initial: { whiten: false, identity: true } });
    assertStringIncludes(assertThrows(() => halvesTask(recipe), ModelError).message, text);
  });
}

const WRONG: readonly (readonly [json: string, text: string])[] = [
  ["{", "mine.json is not JSON"],
  ['{ "epoch": 3 }', "epoch"],
  ['{ "epochs": 0 }', "epochs must be"],
  ['{ "batch": 30, "shard": 20 }', "shard must divide batch (30); it is 20"],
  ['{ "optimiser": { "momentum": 1 } }', "momentum"],
  ['{ "augmentation": { "mirror": 1 } }', "true or false"],
  ['{ "augmentation": { "degrade": { "jpeg": 2, "quality": 40, "grey": 0 } } }', "degrade.jpeg"],
  [
    '{ "augmentation": { "degrade": {}, "wear": { "jpeg": 0, "quality": 40, "grey": 0 } } }',
    "degrade is not",
  ],
  ['{ "layers": [{ "type": "conv3d" }] }', "conv3d"],
];

for (const [json, text] of WRONG) {
  Deno.test(`recipe: ${json} is refused`, () => {
    assertStringIncludes(
      assertThrows(() => parseRecipe(json, "mine.json", HALVES), ModelError).message,
      text,
    );
  });
}

Deno.test("recipe: an unknown one is reported with those that exist", () => {
  const error = assertThrows(() => findRecipe("cifar"), ModelError);
  assertStringIncludes(error.message, 'no recipe "cifar"; there are fashion-mnist, mnist, cifar-10, legacy');
});

Deno.test("recipe: the old names wear and seed are accepted for degrade and legacy", () => {
  const { augmentation } = findRecipe("cifar-10");
  const { degrade: wear, ...others } = augmentation;
  const recipe = parseRecipe(JSON.stringify({ augmentation: { ...others, wear } }), "mine.json", HALVES);
  assertEquals(recipe.augmentation, augmentation);
  assertEquals(findRecipe("seed"), findRecipe("legacy"));
});

Deno.test("recipe: fewer images than a batch and a mismatch of classes and outputs are reported", () => {
  const few = assertThrows(() => joinTask(HALVES, halves(31), halves(2)), ModelError);
  assertStringIncludes(few.message, "a batch has 32 images, but halves has only 31 training images");
  const three = { ...halves(64), classes: ["a", "b", "c"] };
  const wrong = assertThrows(() => joinTask(HALVES, three, halves(2)), ModelError);
  assertStringIncludes(wrong.message, "the last layer has 2 outputs, but halves has 3 classes");
});

Deno.test("recipe: the shipped models have the layers and versions of their recipes", async () => {
  for (const { manifest } of await loadModels()) {
    const recipe = RECIPES.find(({ name }) => name === manifest.name);
    assertEquals(recipe?.layers, manifest.layers);
    assert([recipe?.version, recipe?.fineTuning?.version].includes(manifest.version), manifest.version);
  }
});
