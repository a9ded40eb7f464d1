import type { Settled } from "../../actors/sinks/sink.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { Bus } from "../../bus/bus.ts";
import { openTransport } from "../../bus/connect.ts";
import { encodeDeadLetter } from "../../bus/dead_letter.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { classified, failed, requestRecord } from "../../testing/settled.ts";
import { type Ended, imagebus, objectsIn } from "../fixtures/imagebus.ts";

const AT = Date.now();

function settled(
  id: string,
  fields: Partial<Settled["result"]> & { label?: string; index?: number } = {},
): Settled {
  const { result, ...rest } = classified(id);
  const at = new Date(AT + Number(/\d+$/.exec(id)?.[0] ?? 0)).toISOString();
  return { ...rest, result: { ...result, at, ...fields } as Settled["result"] };
}

const BAG = { label: "Bag", index: 8 };
/** Two right, one wrong, one without a true label, and a failed one. */
const ROWS: readonly Settled[] = [
  settled("image-1"),
  settled("image-2", { ...BAG, actual: "Bag", fileName: 'a "b",c.png' }),
  settled("image-3", BAG),
  settled("image-4", { actual: undefined as unknown as string }),
  { ...failed("image-5"), result: { ...failed("image-5").result, model: "fashion-mnist", actual: "Bag" } },
];

/** A directory with results, and a bus that keeps their images. */
async function stage() {
  const directory = await temporaryDirectory("results-test");
  {
    await using sink = await sqliteSink(`${directory.path}/results.db`);
    await sink.write(ROWS);
    await using bus = new Bus(await openTransport(`sqlite:${directory.path}/bus.db`));
    for (const i of [1, 2, 3, 4]) {
      await bus.send(imageOf(i), { id: `image-${i}`, model: "fashion-mnist" });
    }
    const letter = { ...requestRecord("image-5"), value: new Uint8Array([1, 2, 3]) };
    await bus.transport.send("imagebus.dead-letters", [encodeDeadLetter(letter, failed("image-5").result)]);
  }
  const env = { IMAGEBUS_STATE_DIR: directory.path, IMAGEBUS_URL: "", IMAGEBUS_RESULTS: "" };
  return {
    path: directory.path,
    run: (...args: string[]): Promise<Ended> => imagebus(args, env),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function imageOf(i: number): Uint8Array {
  return new Uint8Array([...SEVEN.png, i]);
}

Deno.test("results: as a table, CSV or JSON, with a hint at older ones", async () => {
  await using at = await stage();
  const table = await at.run("results", "list", "--limit", "2", "--label", "Bag");
  assertEquals(table.out.trim().split("\n").length, 6);
  const older = await at.run("results", "--limit", "1", "--label", "Bag");
  assertEquals(older.err, "Older ones: --before image-3, or --limit N\n");
  const unknown = await at.run("results", "--before", "image-9");
  assertEquals([unknown.code, unknown.err], [
    2,
    `imagebus: --before is "image-9": expected the id of a result in ${at.path}/results.db\n`,
  ]);
  const csv = (await at.run("results", "--csv", "--label", "Bag")).out.split("\n");
  assertStringIncludes(csv[0]!, "id,at,model,model_version,status,label,");
  assertStringIncludes(csv[1]!, ',Bag,,"a ""b"",c.png",,,1.5,2.5');
  assertEquals(
    objectsIn((await at.run("results", "image-3", "--json")).out).map(({ top }) => Array.isArray(top)),
    [true],
  );
  const both = await at.run("results", "--csv", "--json");
  assertEquals([both.code, both.err], [
    2,
    "imagebus: --csv and --json are two formats: expected one of them\n",
  ]);
  assertEquals(
    (await at.run("results", "--label", "Hat")).err,
    `No matching results in ${at.path}/results.db\n`,
  );
});

Deno.test("results accuracy: by label, with a table of confusions, whether labels are names or indices", async () => {
  await using at = await stage();
  const { out } = await at.run("results", "accuracy");
  assertEquals((await at.run("results", "accuracy", "unknown-id")).code, 1);
  assertStringIncludes(
    (await at.run("results", "accuracy", "image-2")).out,
    "100.0 % of 1 image with a true label is right",
  );
  assertEquals(out.trimEnd().split("\n").map((line) => line.trimEnd()), [
    "fashion-mnist 1.0.0: 66.7 % of 3 images with a true label are right",
    "",
    "true label  images  right  accuracy  most often taken for",
    "Ankle boot       2      1    50.0 %  Bag (1)",
    "Bag              1      1   100.0 %",
    "",
    "true label     1   2",
    "1 Ankle boot   1   1",
    "2 Bag          ·   1",
  ]);
  assertEquals(objectsIn((await at.run("results", "accuracy", "--json")).out)[0], {
    model: "fashion-mnist",
    modelVersion: "1.0.0",
    label: "Ankle boot",
    images: 2,
    correct: 1,
    accuracy: 0.5,
    confusions: { Bag: 1 },
  });
});

Deno.test("label: records what an image shows; a mistake changes nothing", async () => {
  await using at = await stage();
  const done = await at.run("label", "image-4", "image-3", "ankle-boot");
  assertEquals(done.out, "Ankle boot  not Bag  image-3\nAnkle boot  as predicted  image-4\n");
  const unknown = await at.run("label", "image-1", "nobody", "Bag");
  assertEquals([unknown.code, unknown.out], [2, ""]);
  assertStringIncludes(unknown.err, 'Unknown result "nobody"');
  const misspelt = await at.run("label", "image-1", "Bagg");
  assertEquals([misspelt.code, misspelt.out], [2, ""]);
  assertStringIncludes(
    misspelt.err,
    'no label "Bagg" (--new-class records it all the same): did you mean "Bag"?',
  );
  await at.run("label", "image-1", "Umbrella", "--new-class");
  const rows = objectsIn((await at.run("results", "--labelled", "--json")).out);
  assertEquals(Object.fromEntries(rows.map(({ id, actual }) => [id, actual])), {
    "image-5": "Bag",
    "image-1": "Umbrella",
    "image-2": "Bag",
    "image-3": "Ankle boot",
    "image-4": "Ankle boot",
  });
});

Deno.test("results export: a folder per class with the bytes that were sent; what is there or was moved is not written again", async () => {
  await using at = await stage();
  const dir = `${at.path}/out`;
  const { code, out, err } = await at.run("results", "export", "--model", "fashion-mnist", "--images", dir);
  assertEquals(code, 0, err);
  assertStringIncludes(err, `4 written to ${dir}, 1 damaged\n1 are in the folder of their predicted label`);
  const files = out.trim().split("\n");
  assertEquals(
    files.toSorted(),
    [1, 3, 4].map((i) => `${dir}/Ankle boot/image-${i}.png`).concat(`${dir}/Bag/image-2.png`),
  );
  assertEquals(await Deno.readFile(`${dir}/Bag/image-2.png`), imageOf(2));
  await Deno.rename(`${dir}/Ankle boot/image-4.png`, `${dir}/Bag/image-4.png`);
  const again = await at.run("results", "export", "--labelled", "image-4", "image-3", "--images", dir);
  assertEquals([again.out, again.err], ["", `0 written to ${dir}, 1 already there\n`]);
  const moved = await at.run("results", "export", "image-4", "--images", dir);
  assertStringIncludes(moved.err, "1 already there");
});

Deno.test("results export: reports what is no longer on the bus, and refuses what selects nothing", async () => {
  await using at = await stage();
  await Deno.remove(`${at.path}/bus.db`);
  await (await openTransport(`sqlite:${at.path}/bus.db`)).close();
  const gone = await at.run("results", "export", "--wrong", "--images", `${at.path}/out`);
  assertEquals([gone.code, gone.err], [1, `0 written to ${at.path}/out, 1 no longer on the bus\n`]);
  const nothing = await at.run("results", "export", "--images", `${at.path}/out`);
  assertEquals(nothing.code, 2);
  assertStringIncludes(nothing.err, "no results are selected");
  const file = await at.run("results", "export", "image-1", "--images", "LICENSE");
  assertEquals([file.code, file.err], [
    2,
    "imagebus: Cannot export: LICENSE is a file; expected a directory\n",
  ]);
  const nowhere = await at.run("results", "export", "--wrong");
  assertEquals([nowhere.code, nowhere.err], [2, "imagebus: results export needs --images DIR\n"]);
  assert(!await Deno.stat(`${at.path}/out`).then(() => true, () => false));
});
