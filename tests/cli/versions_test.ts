import { serve } from "../../actors/serve.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { connect } from "../../bus/connect.ts";
import { UsageError } from "../../cli/command.ts";
import { models } from "../../cli/commands/models/models.ts";
import { reclassify } from "../../cli/commands/reclassify.ts";
import { printComparisons, summarise, withLabelNames } from "../../cli/comparison_summary.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertRejects } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { printed, run } from "../fixtures/command_output.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";

Deno.test("models: a shadow is compared with what is served, and reclassify compares what the bus keeps", async () => {
  await using directory = await temporaryDirectory("versions");
  const { path } = directory;
  // Of the same weights, so that both versions always differ or always agree.
  await writeTinyModel(path, "tiny", "1.0.0", ["dark", "light"]);
  await writeTinyModel(path, "tiny", "2.0.0", ["light", "dark"]);
  const dirs = ["--models-dirs", path];
  assertEquals(await run(models, ["promote", "tiny@1.0.0", ...dirs]), 0);
  assertEquals(await run(models, ["shadow", "tiny@2.0.0", ...dirs]), 0);
  await assertRejects(
    () => run(models, ["shadow", "tiny@1.0.0", ...dirs]),
    Error,
    "it is the version that is served",
  );
  await assertRejects(() => run(models, ["promote", "tiny@3.0.0", ...dirs]), Error, 'no version "3.0.0"');
  const url = `sqlite:${path}/bus.db`;
  {
    await using bus = await connect(url);
    const sinks = [await sqliteSink(`${path}/results.db`)];
    const shadowed = Promise.withResolvers<void>();
    await using service = await serve(bus, {
      ...{ models: ["tiny"], modelsDirs: [path], sinks, servingIntervalMs: 10 },
      onEvent: (event) => void (event.type === "version" && event.change === "shadow" && shadowed.resolve()),
    });
    await shadowed.promise;
    for (const id of ["a", "b", "c"]) await bus.classify(SEVEN.png, { model: "tiny", id, actual: "light" });
    while (service.status()[0]!.candidates[0]!.workers[0]!.images < 3) {
      await new Promise((go) => setTimeout(go, 5));
    }
  }
  {
    await using bus = await connect(url);
    await bus.send(SEVEN.png, { model: "tiny", id: "a", actual: "light" }); // Again, and still one image.
  }
  const results = ["--results", `${path}/results.db`];
  const [shadow] = await printed(() => run(models, ["compare", "tiny", ...results, "--json"]));
  const differ = `${path}/differ`;
  const [again] = await printed(() =>
    run(reclassify, [
      ...["--model", "tiny@2.0.0", "--bus", url, "--export", differ, "--json"],
      ...[...dirs, ...results],
    ])
  );
  await Deno.writeTextFile(`${path}/file`, "");
  await assertRejects(
    () =>
      run(reclassify, [
        "--model",
        "tiny@2.0.0",
        "--bus",
        url,
        "--export",
        `${path}/file/x`,
        ...dirs,
        ...results,
      ]),
    UsageError,
    `Cannot write ${path}/file/x: a part of its path is a file; expected a directory`,
  );
  for (const text of [shadow, again]) {
    const { images, agreement, judged, disagreements, served, other } = JSON.parse(text!);
    assertEquals([images, agreement.value, judged, disagreements.sort()], [3, 0, 3, ["a", "b", "c"]]);
    assertEquals([served, other], ["1.0.0", "2.0.0"]);
  }
  assertEquals([...Deno.readDirSync(differ)].map(({ name }) => name).sort(), [
    ...["a.json", "a.png", "b.json", "b.png", "c.json", "c.png"],
  ]);
});

Deno.test("models canary: a share is set and removed; what is not a share, or the served version, is refused", async () => {
  await using directory = await temporaryDirectory("versions");
  const { path } = directory;
  for (const version of ["1.0.0", "2.0.0"]) await writeTinyModel(path, "tiny", version);
  const canary = (target: string) => run(models, ["canary", target, "--models-dirs", path]);
  const serving = async () => JSON.parse(await Deno.readTextFile(`${path}/tiny/serving.json`));
  await canary("tiny@1.0.0=12.5%");
  assertEquals(await serving(), { format: 1, serve: "2.0.0", canary: { version: "1.0.0", percent: 12.5 } });
  await canary("tiny=off");
  assertEquals(await serving(), { format: 1, serve: "2.0.0" });
  for (const target of ["tiny@1.0.0", "tiny@1.0.0=0%", "tiny@1.0.0=101%", "tiny@1.0.0=10"]) {
    await assertRejects(() => canary(target), Error, "expected NAME@VERSION=10%, or NAME=off");
  }
  await assertRejects(() => canary("tiny@2.0.0=10%"), Error, "it is the version that is served");
});

Deno.test("comparison: agreement and accuracy of both versions; accuracy only of images with a true label", async () => {
  const answer = (version: string, label: string | null) => ({ version, label, confidence: label && 1 });
  const compared = (id: string, a: string | null, b: string | null, actual: string | null) => ({
    ...{ id, model: "m", actual, at: "2026-01-01T00:00:00Z" },
    ...{ served: answer("1", a), other: answer("2", b) },
  });
  const all = [compared("a", "x", "x", "x"), compared("b", "x", "y", "y"), compared("c", null, null, null)];
  const { agreement, judged, servedAccuracy, otherAccuracy, disagreements } = summarise(all as never);
  assertEquals([agreement.value, judged, servedAccuracy?.value, otherAccuracy?.value, disagreements], [
    ...[2 / 3, 2, 1 / 2, 1],
    ["b"],
  ]);
  const later = { ...all[0]!, served: answer("1.1", "x") };
  const lines = await printed(() => Promise.resolve(printComparisons([...all, later] as never, true)));
  assertEquals(lines.filter(Boolean).map((line) => [JSON.parse(line).served, JSON.parse(line).images]), [
    ["1", 3],
    ["1.1", 1],
  ]);
  const byIndex = summarise(withLabelNames([compared("d", "x", "y", "1")] as never, ["x", "y"]));
  assertEquals([byIndex.servedAccuracy?.value, byIndex.otherAccuracy?.value], [0, 1]);
});
