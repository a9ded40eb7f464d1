import { createClassifier } from "../../models/classifier.ts";
import { loadModels } from "../../models/registry.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { type Ended, ended } from "../fixtures/imagebus.ts";
import { KERAS_FIXTURES, testImages } from "../fixtures/keras_models.ts";

const ROOT = new URL("../../", import.meta.url);
const PLAIN = new URL("keras3/plain.h5", KERAS_FIXTURES).pathname;
const LABELS = ["--labels", "a,b,c,d"];

/** Runs the task as a user types it, in another directory, with the permissions that deno.json names. */
function task(cwd: string, args: readonly string[]): Promise<Ended> {
  return run(
    Deno.execPath(),
    ["task", "--quiet", "--config", `${ROOT.pathname}deno.json`, "model", ...args],
    cwd,
  );
}

function run(program: string, args: readonly string[], cwd: string): Promise<Ended> {
  return ended(new Deno.Command(program, { args: [...args], cwd, env: { NO_COLOR: "1" } }));
}

async function inDirectory(fn: (dir: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory("model-test");
  await fn(directory.path);
}

function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

Deno.test("model command: an imported model is served, exported and imported again", () =>
  inDirectory(async (dir) => {
    const imported = await task(dir, [
      "import",
      PLAIN,
      "--name",
      "mine",
      ...LABELS,
      "--out",
      `${dir}/models`,
    ]);
    assertEquals(imported.code, 0, imported.err);
    assertMatch(imported.out, /^mine {2}4 classes, 6 layers, 1266 parameters\s+.*models\/mine\/\n$/);
    assertStringIncludes(imported.err, "0…255 become 0…1");
    const [files] = await loadModels({ dirs: [`${dir}/models`], names: ["mine"] });
    using classifier = await createClassifier(files!, await loadWasmBinary());
    const answers = classifier.classify(testImages(files!.manifest.input));

    const exported = await task(dir, [
      "export",
      "mine",
      "--models-dir",
      `${dir}/models`,
      "--h5",
      `${dir}/out.h5`,
      "--json",
    ]);
    assertEquals(exported.code, 0, exported.err);
    assertEquals(JSON.parse(exported.out).bytes, (await Deno.stat(`${dir}/out.h5`)).size);
    await Deno.writeTextFile(`${dir}/names.txt`, "one\ntwo\nthree\nfour\n");
    const again = await task(dir, [
      ...["import", `${dir}/out.h5`, "--name", "again", "--labels-file", `${dir}/names.txt`],
      ...["--out", `${dir}/models`, "--json"],
    ]);
    assertEquals(JSON.parse(again.out).guessedForm, false);
    const [copy] = await loadModels({ dirs: [`${dir}/models`], names: ["again"] });
    assertEquals(copy!.manifest.labels, ["one", "two", "three", "four"]);
    using second = await createClassifier(copy!, await loadWasmBinary());
    for (const [i, outcome] of second.classify(testImages(copy!.manifest.input)).entries()) {
      const first = answers[i]!;
      assert(outcome.ok && first.ok);
      assertEquals(outcome.top.map(({ index }) => index), first.top.map(({ index }) => index));
    }
    assertEquals(filesIn(dir), ["models", "names.txt", "out.h5"]);
  }));

const MISTAKES: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /model needs one of import, export/],
  [["imprt", "x.h5"], /Unknown sub-command "imprt" for model: did you mean "import"\?/],
  [["import"], /model import needs FILE/],
  [["import", PLAIN, ...LABELS], /the model has no name; expected --name/],
  [["import", PLAIN, "--name", "mine"], /has 4 outputs, but no labels were given/],
  [["import", PLAIN, "--name", "mine", "--labels", "a,b"], /has 4 outputs, but 2 labels were given/],
  [["import", PLAIN, "--name", "Mine", ...LABELS], /name must be 1 to 63 of a-z/],
  [["import", PLAIN, "--name", "mine", ...LABELS, "--labels-file", "x"], /both --labels and --labels-file/],
  [["import", PLAIN, "--name", "mine", "--labels-file", "gone.txt"], /gone\.txt/],
  [["import", PLAIN, "--name", "mine", ...LABELS, "--scale", "0"], /must be greater than 0, not 0/],
  [["import", PLAIN, "--name", "mine", ...LABELS, "--mean", "1,x"], /--mean is "1,x": expected a number/],
  [
    ["import", PLAIN, "--name", "mine", ...LABELS, "--height", "5"],
    /only one of --height and --width is given/,
  ],
  [["import", "gone.h5", "--name", "mine", ...LABELS], /gone\.h5: there is no such file/],
  [
    ["import", new URL("make.py", KERAS_FIXTURES).pathname, "--name", "mine"],
    /make\.py is not a model of Keras/,
  ],
  [["export", "mnist"], /no file is given; expected --h5 mnist\.h5/],
  [["export", "mnst", "--h5", "x.h5"], /no model "mnst"/],
  [["export", "mnist", "--h5", "gone/x.h5"], /x\.h5: its directory does not exist/],
];

for (const [args, message] of MISTAKES) {
  const title = args.map((arg) => arg.split("/").at(-1)).join(" ");
  Deno.test(`model command: "model ${title}" exits with 2 and a message`, () =>
    inDirectory(async (dir) => {
      const cli = new URL("cli.ts", ROOT).pathname;
      const flags = ["run", "--allow-read", "--allow-write", "--allow-env"];
      const { code, out, err } = await run(Deno.execPath(), [...flags, cli, "model", ...args], dir);
      assertMatch(err, message);
      assertEquals([code, out], [2, ""]);
      assert(err.trim().split("\n").length <= 2, err);
      assertEquals(filesIn(dir), []);
    }));
}

Deno.test("model command: replaces an existing model or file only with --force", () =>
  inDirectory(async (dir) => {
    const importing = ["import", PLAIN, "--name", "mine", ...LABELS, "--out", dir];
    const exporting = ["export", "mnist", "--h5", `${dir}/mnist.h5`];
    for (const args of [importing, exporting]) {
      assertEquals((await task(dir, args)).code, 0);
      const refused = await task(dir, args);
      assertEquals(refused.code, 2);
      assertMatch(refused.err, /it already exists; choose another name, or replace it with --force/);
      assertEquals((await task(dir, [...args, "--force"])).code, 0);
    }
    assertEquals(filesIn(dir), ["mine", "mnist.h5"]);
  }));

const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-Urm", "true"], stderr: "null" }).output()
    .then(({ success }) => success, () => false);

for (
  const args of [
    ["import", PLAIN, "--name", "mine", ...LABELS, "--out"],
    ["export", "mnist", "--h5"],
  ]
) {
  Deno.test({
    name: `model command: ${args[0]} fails on a full disk, and leaves nothing incomplete${
      canMount ? "" : " (skipped: no file system can be mounted here)"
    }`,
    ignore: !canMount,
    fn: () =>
      inDirectory(async (dir) => {
        const script = 'mount -t tmpfs -o size=4k tmpfs "$0" && { "$@"; code=$?; ls -A "$0"; exit $code; }';
        const place = args[0] === "import" ? dir : `${dir}/mnist.h5`;
        const command = [
          Deno.execPath(),
          "run",
          "-A",
          new URL("cli.ts", ROOT).pathname,
          "model",
          ...args,
          place,
        ];
        const { code, out, err } = await run("unshare", ["-Urm", "sh", "-c", script, dir, ...command], dir);
        assertMatch(err, /the disk is full/);
        assertEquals([code, out], [1, ""]);
      }),
  });
}
