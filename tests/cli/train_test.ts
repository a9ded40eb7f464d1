/** `imagebus train` and what follows, as users type it, on a folder of their own images. */
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { ended, imagebus, imagebusCommand, objectsIn } from "../fixtures/imagebus.ts";

const ROOT = new URL("../../", import.meta.url);
const CLOTHES = "tests/fixtures/clothes";

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory("train-test");
  await run(directory.path);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("train: a folder of images becomes a model that a worker serves", () =>
  withDirectory(async (directory) => {
    const env = { IMAGEBUS_STATE_DIR: `${directory}/state` };
    const models = `${directory}/models`;
    const trained = await imagebus(["train", CLOTHES, "--out", models], env);
    assertEquals(trained.code, 0, trained.err);
    assertStringIncludes(trained.out, "accuracy on");
    assertStringIncludes(trained.err, "epoch 30/30");
    const report = `${directory}/clothes.html`;
    const evaluate = ["evaluate", "clothes", "--models-dir", models, "--json", "--report", report];
    const evaluated = await imagebus(evaluate, env);
    const { images, accuracy } = JSON.parse(evaluated.out);
    assert(images > 5 && accuracy > 0.7, evaluated.out);
    assertStringIncludes(await Deno.readTextFile(report), "<h1>clothes: report</h1>");
    const worker = imagebusCommand(["worker", "--models-dir", models], env).spawn();
    try {
      const image = `${CLOTHES}/trouser/${
        (await Array.fromAsync(Deno.readDir(`${CLOTHES}/trouser`)))[0]!.name
      }`;
      const sent = await imagebus([
        "send",
        "--wait",
        image,
        "--model",
        "clothes",
        "--json",
        "--models-dir",
        models,
      ], env);
      assertEquals(sent.code, 0, sent.err);
      const result = JSON.parse(sent.out);
      assertEquals(
        [result.status, result.label, result.model],
        ["classified", "trouser", "clothes"],
        sent.out,
      );
    } finally {
      worker.kill("SIGTERM");
      await worker.output();
    }
  }));

Deno.test("train: the weights of a model are trained further, also on the images of another folder", () =>
  withDirectory(async (directory) => {
    const models = `${directory}/models`;
    const first = await imagebus(["train", CLOTHES, "--epochs", "3", "--out", models]);
    assertEquals(first.code, 0, first.err);
    const classes = `${directory}/classes.json`;
    await Deno.writeTextFile(classes, JSON.stringify({ README: [], bag: ["ankle-boot", "trouser"] }));
    const extra = ["--extra", CLOTHES, "--classes", classes, "--extra-times", "2"];
    const from = ["--from", "clothes", "--models-dirs", models, ...extra];
    const second = await imagebus([
      "train",
      CLOTHES,
      ...from,
      "--epochs",
      "2",
      "--seeds",
      "2",
      "--out",
      `${directory}/second`,
    ]);
    assertEquals(second.code, 0, second.err);
    const { recipe, data, trainings: [{ epochs }, other], average } = JSON.parse(
      await Deno.readTextFile(`${directory}/second/clothes/training.json`),
    );
    const start = JSON.parse(await Deno.readTextFile(`${models}/clothes/training.json`));
    assertEquals(recipe.from.name, "clothes");
    const files = ["ankle-boot", "bag", "trouser"].flatMap((name) => [
      ...Deno.readDirSync(`${CLOTHES}/${name}`),
    ]);
    assertEquals(recipe.extra.images, files.length, "of two labels the likelier is taken");
    assertEquals(data.images, start.data.images + 2 * files.length);
    assert(other.testAccuracy > 0 && average.testAccuracy > 0, "the mean of both seeds was measured too");
    assert(epochs[0].trainLoss < start.trainings[0].epochs[1].trainLoss, "it went on from the weights");
    const card = await Deno.readTextFile(`${directory}/second/clothes/card.md`);
    assertStringIncludes(card, "starting from the weights of clothes 1.0.0");
  }));

Deno.test("train: killed at any moment and called again, it ends with the same weights to the bit", () =>
  withDirectory(async (directory) => {
    const train = (out: string) => ["train", CLOTHES, "--epochs", "60", "--out", `${directory}/${out}`];
    const whole = await imagebus(train("whole"));
    assertEquals(whole.code, 0, whole.err);
    for (let kills = 0; kills < 3; kills++) {
      const child = imagebusCommand(train("broken")).spawn();
      const kept = `${directory}/broken/.clothes.training/seed-1.checkpoint`;
      const before = kills === 0 ? 0 : (await Deno.stat(kept)).mtime!.getTime();
      // At least one more epoch is kept, then the end comes wherever it is.
      for await (const _ of Deno.watchFs(directory, { recursive: true })) {
        if (await isThere(kept) && (await Deno.stat(kept)).mtime!.getTime() > before) break;
      }
      child.kill("SIGKILL");
      await child.output();
      assertEquals(await isThere(`${directory}/broken/clothes`), false, "nothing half-written is left");
    }
    const resumed = await imagebus(train("broken"));
    assertEquals(resumed.code, 0, resumed.err);
    assert(!resumed.err.includes("epoch 1/60"), "it went on where it was");
    const weights = (out: string) => Deno.readFile(`${directory}/${out}/clothes/weights.bin`);
    assertEquals(await weights("broken"), await weights("whole"));
    assertEquals([...Deno.readDirSync(`${directory}/broken`)].map(({ name }) => name), ["clothes"]);
  }));

Deno.test("train: a network of one's own is one small file", () =>
  withDirectory(async (directory) => {
    const recipe = {
      epochs: 2,
      layers: [
        { type: "conv2d", filters: 8, kernel: 5, activation: "relu" },
        { type: "maxPool2d", size: 4 },
        { type: "flatten" },
        { type: "dense", units: 3 },
      ],
    };
    await Deno.writeTextFile(`${directory}/mine.json`, JSON.stringify(recipe));
    const { code, err } = await imagebus([
      "train",
      CLOTHES,
      "--recipe",
      `${directory}/mine.json`,
      "--out",
      directory,
    ]);
    assertEquals(code, 0, err);
    const manifest = JSON.parse(await Deno.readTextFile(`${directory}/clothes/manifest.json`));
    assertEquals(manifest.layers, recipe.layers);
  }));

Deno.test("cross-validate: each fold is measured, and the report shows them", () =>
  withDirectory(async (directory) => {
    const report = `${directory}/folds.html`;
    const args = ["cross-validate", CLOTHES, "--folds", "3", "--epochs", "10", "--json", "--report", report];
    const { code, out, err } = await imagebus(args);
    assertEquals(code, 0, err);
    const { accuracies, mean } = JSON.parse(out);
    assertEquals(accuracies.length, 3);
    assert(mean > 0.5, out);
    assertStringIncludes(await Deno.readTextFile(report), "clothes: cross-validation");
  }));

const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-Urm", "true"], stderr: "null" }).output()
    .then(({ success }) => success, () => false);

Deno.test({
  name: `train: a full disk ends it, and no model is there${
    canMount ? "" : " (skipped: no file system can be mounted here)"
  }`,
  ignore: !canMount,
  fn: () =>
    withDirectory(async (directory) => {
      const script =
        'mount -t tmpfs -o size=64k tmpfs "$0" && { "$@"; code=$?; find "$0" -type f; exit $code; }';
      const train = [
        Deno.execPath(),
        "run",
        ...["--lock=development.lock", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
        "cli.ts",
        "train",
        CLOTHES,
        "--epochs",
        "1",
        "--out",
        directory,
      ];
      const args = ["-Urm", "sh", "-c", script, directory, ...train];
      const { code, out, err } = await ended(new Deno.Command("unshare", { args, cwd: ROOT }));
      assertStringIncludes(err, "the disk is full");
      assertEquals([code, out], [1, ""]);
    }),
});

const MISTAKES: readonly (readonly [args: readonly string[], code: number, text: string])[] = [
  [["train"], 2, "train needs NAME|DIR"],
  [["train", "nowhere"], 2, 'There is no data set "nowhere"'],
  [["train", "mnist", "--name", "mine", "--data", "/nowhere"], 2, "There is no data directory /nowhere/"],
  [["train", CLOTHES, "--recipe", "fast"], 2, 'There is no recipe "fast"; there are'],
  [["train", CLOTHES, "--recipe", "nowhere.json"], 2, "nowhere.json: there is no such file"],
  [["train", "mnist"], 2, 'Cannot write a model "mnist": it would be served in place of the shipped one'],
  [["train", "mnist", "--out", "models"], 2, "models/mnist/: it already exists"],
  [["train", CLOTHES, "--name", "My Clothes"], 2, 'Cannot name a model "My Clothes": expected --name with'],
  [["train", CLOTHES, "--epochs", "0"], 2, '--epochs is "0": expected a whole number from 1'],
  [["train", CLOTHES, "--from", "nowhere"], 2, "nowhere"],
  [["train", CLOTHES, "--from", "mnist"], 2, "Cannot start clothes from mnist"],
  [["evaluate", "mnist", "--on", "nowhere"], 2, 'There is no data set "nowhere"'],
  [["cross-validate", CLOTHES, "--folds", "1"], 2, '--folds is "1": expected a whole number from 2'],
];

for (const [args, expected, text] of MISTAKES) {
  Deno.test(`train: ${args.join(" ")} is one line and exit code ${expected}`, async () => {
    const { code, err } = await imagebus(args);
    assertStringIncludes(err, text);
    assertEquals(code, expected);
    assert(err.trim().split("\n").length <= 2, err);
  });
}

const BRIEFLY = ["--epochs", "1"];

Deno.test("train: a model goes to the user's models, which all commands search, and is never replaced without --force", () =>
  withDirectory(async (directory) => {
    const env = { IMAGEBUS_STATE_DIR: `${directory}/state` };
    await Deno.mkdir(`${directory}/My Clothes`);
    for (const name of ["bag", "trouser"]) {
      await Deno.symlink(`${ROOT.pathname}${CLOTHES}/${name}`, `${directory}/My Clothes/${name}`);
    }
    const train = ["train", `${directory}/My Clothes`, ...BRIEFLY];
    const first = await imagebus(train, env);
    assertEquals(first.code, 0, first.err);
    const folder = `${directory}/state/models/my-clothes`;
    assertStringIncludes(first.out, `my-clothes 1.0.0`);
    assertStringIncludes(first.err, "Serve it: imagebus worker (a running worker must be restarted)");
    const card = await Deno.readTextFile(`${folder}/card.md`);
    assertStringIncludes(card, `Trained with \`imagebus train '${directory}/My Clothes' --epochs 1\``);
    const weights = await Deno.readFile(`${folder}/weights.bin`);

    const refused = await imagebus([...train, "--seed", "2"], env);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.err, "it already exists; choose another name, or replace it with --force");
    assertEquals(await Deno.readFile(`${folder}/weights.bin`), weights);
    assertEquals([...Deno.readDirSync(`${directory}/state/models`)].map(({ name }) => name), ["my-clothes"]);

    const again = await imagebus([...train, "--seed", "2", "--force"], env);
    assertEquals(again.code, 0, again.err);
    const models = objectsIn((await imagebus(["models", "--json"], env)).out);
    assertEquals(models.find(({ name }) => name === "my-clothes")?.version, "1.1.0");

    const beside = await imagebus([...train, "--seed", "3", "--new-version"], env);
    assertEquals(beside.code, 0, beside.err);
    assertStringIncludes(beside.err, "imagebus models promote my-clothes@1.2.0");
    const versions = async () =>
      objectsIn((await imagebus(["models", "versions", "my-clothes", "--json"], env)).out)
        .map(({ version, use }) => `${version} ${use}`);
    assertEquals(await versions(), ["1.2.0 ", "1.1.0 served"]);
    assertEquals((await imagebus(["models", "promote", "my-clothes@1.2.0"], env)).code, 0);
    assertEquals(await versions(), ["1.2.0 served", "1.1.0 previous"]);
    assertEquals((await imagebus(["models", "rollback", "my-clothes"], env)).code, 0);
    assertEquals(await versions(), ["1.2.0 previous", "1.1.0 served"]);
    const evaluated = await imagebus(["evaluate", "my-clothes", "--json"], env);
    assertEquals(JSON.parse(evaluated.out).model, "my-clothes", evaluated.err);
  }));

Deno.test("train: a refused training leaves nothing behind", () =>
  withDirectory(async (directory) => {
    const out = `${directory}/models`;
    await Deno.writeTextFile(`${directory}/large.json`, JSON.stringify({ batch: 4096 }));
    const recipe = ["--recipe", `${directory}/large.json`];
    const { code, err } = await imagebus(["train", CLOTHES, ...recipe, "--out", out]);
    assertEquals(code, 2, err);
    assertEquals(await isThere(out), false);
  }));
