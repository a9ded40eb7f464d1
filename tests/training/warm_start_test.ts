import type { ModelFiles } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import { loadModels } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { finish, fit, startFit } from "../../training/fitting/fit.ts";
import { Team } from "../../training/fitting/team.ts";
import { warmStart } from "../../training/fitting/warm_start.ts";
import { conclude } from "../../training/train.ts";
import { writeModel } from "../../training/write_model.ts";
import { assert, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { HALVES, halves, halvesTask } from "../fixtures/halves.ts";

const wasm = await loadWasmBinary();

async function trainedModel(): Promise<ModelFiles> {
  const task = halvesTask();
  await using team = await Team.start(task, 1, wasm);
  const trainings = [await conclude(task, team, await fit(task, team, startFit(task)))];
  const directory = await Deno.makeTempDir();
  try {
    await writeModel(new URL(`file://${directory}/`), { task, trainings }, [halves(40)]);
    return (await loadModels({ dirs: [directory], shipped: false }))[0]!;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const model = await trainedModel();

for (const batchNorm of [true, false]) {
  Deno.test(`warm start: the network has the logits of the model with batchNorm ${batchNorm}`, async () => {
    const task = halvesTask({ ...HALVES, batchNorm });
    await using team = await Team.start(task, 1, wasm);
    const { parameters } = await warmStart(task, team, model);
    const started = await team.predict(await finish(task, team, parameters));
    const plain = halvesTask({ ...HALVES, batchNorm: false, logitScale: 1 });
    await using other = await Team.start(plain, 1, wasm);
    const served = await other.predict((await warmStart(plain, other, model)).parameters);
    started.forEach((logit, i) => assert(Math.abs(logit - served[i]!) < 0.02, `${logit}, ${served[i]}`));
  });
}

Deno.test("warm start: a model with other layers or labels is refused", async () => {
  const { manifest } = model;
  for (const [what, changed] of [["layers", { layers: [] }], ["labels", { labels: ["a", "b"] }]] as const) {
    await using team = await Team.start(halvesTask(), 1, wasm);
    const other = { ...model, manifest: { ...manifest, ...changed } };
    const error = await assertRejects(() => warmStart(halvesTask(), team, other), ModelError);
    assertStringIncludes(error.message, `its ${what} differ from those of the recipe`);
  }
});
