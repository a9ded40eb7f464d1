import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { type Ended, ended, imagebusCommand, objectsIn } from "../fixtures/imagebus.ts";
import { findTestData, skipped } from "../../testing/data.ts";

const CLOTHES = fileURLToPath(new URL("../fixtures/clothes", import.meta.url));
const whole = await findTestData();

/** As `deno task data`, but without the network. */
async function data(...args: readonly string[]): Promise<Ended> {
  const flags = ["--allow-read", "--allow-write", "--allow-env=IMAGEBUS_*"];
  return await ended(imagebusCommand(["data", ...args], { IMAGEBUS_DATA: "" }, flags));
}

async function withDirectory(run: (path: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory("data-test");
  await run(directory.path);
}

Deno.test("data list: lists published sets and image folders, complete or not", () =>
  withDirectory(async (path) => {
    await Deno.symlink(CLOTHES, `${path}/clothes`);
    await Deno.mkdir(`${path}/empty`);
    await Deno.mkdir(`${path}/mnist`);
    await Deno.writeTextFile(`${path}/mnist/train-labels-idx1-ubyte.gz`, "12345");
    const { code, out } = await data("list", "--data", path, "--json");
    assertEquals(code, 0);
    assertEquals(
      objectsIn(out).map(({ name, kind, complete, images }) => `${name} ${kind} ${complete} ${images}`),
      [
        "fashion-mnist official false 0",
        "mnist official false 0",
        "cifar-10 official false 0",
        "clothes folder true 60",
        "empty folder false 0",
      ],
    );
    const { out: table } = await data("list", "--data", path);
    assertMatch(table, /fashion-mnist +0 +0\.0 +no\n +does not exist\n/);
    assertMatch(table, /mnist +0 +0\.0 +no\n +train-images-idx3-ubyte\.gz, t10k-[^]* missing\n/);
    assertMatch(table, /clothes +60 +0\.0 +yes\n +\/.*\/clothes\/\n/);
  }));

Deno.test("data check: reports an image folder as good, or lists its damaged files", () =>
  withDirectory(async (path) => {
    const good = await data("check", CLOTHES);
    assertEquals([good.code, good.err], [0, ""]);
    assertStringIncludes(
      good.out.replaceAll(/\s+/g, " "),
      "good 48 training and 12 test images, 28×28 grey, 3 classes: ankle-boot, bag",
    );
    const sized = await data("check", CLOTHES, "--size", "32x24", "--channels", "3", "--json");
    assertStringIncludes(String(objectsIn(sized.out)[0]!["message"]), "32×24 RGB");
    for (const [name, content] of [["cats", "not an image"], ["dogs", "not an image"]] as const) {
      await Deno.mkdir(`${path}/pets/${name}`, { recursive: true });
      for (const file of ["1.png", "2.png"]) {
        await Deno.writeTextFile(`${path}/pets/${name}/${file}`, content);
      }
    }
    const bad = await data("check", "--data", path);
    assertEquals(bad.code, 1);
    assertMatch(bad.out, /^pets {2}damaged\s+Cannot\s+read\s+2\s+files\s/);
    assertMatch(bad.out, /\n {4}(cats|dogs)\/\d\.png: The image of 12 bytes/);
    for (const line of bad.out.split("\n")) assert(line.length <= 80, line);
  }));

Deno.test("data check: refuses what train would refuse", () =>
  withDirectory(async (path) => {
    for (const name of ["cats", "dogs"]) {
      await Deno.mkdir(`${path}/pets/${name}`, { recursive: true });
      for (const file of ["00000", "00011"]) {
        await Deno.copyFile(`${CLOTHES}/ankle-boot/${file}.png`, `${path}/pets/${name}/${file}.png`);
      }
    }
    const { code, out } = await data("check", `${path}/pets`);
    assertEquals(code, 1, out);
    assertMatch(out, /has\s+only\s+2\s+training\s+images;\s+add\s+images/);
  }));

const MISTAKES: readonly (readonly [args: readonly string[], text: string])[] = [
  [[], "data needs one of get, list, check"],
  [["gte", "mnist"], 'Unknown sub-command "gte" for data: did you mean "get"?'],
  [["get"], "data get needs NAME: imagebus data get"],
  [["get", "fashion-mnst"], 'Unknown data set "fashion-mnst": did you mean "fashion-mnist"?'],
  [["get", "mnist", "--from", "/nowhere"], "Cannot copy files from /nowhere/: it is not a directory"],
  [["get", "mnist", "--data", "/nowhere/data"], "Cannot create /nowhere/data/: its directory does not exist"],
  [["check", "--data", "/nowhere"], "There is no data directory /nowhere/"],
  [["check", "nothing"], 'There is no data set "nothing"'],
  [["check", CLOTHES, "--size", "32"], '--size is "32": expected width'],
  [["check", CLOTHES, "--size", "0x5"], '--size is "0x5": expected width and height, each 1 to 4096'],
  [["check", CLOTHES, "--channels", "2"], `--channels is "2": expected 1 or 3`],
];

for (const [args, text] of MISTAKES) {
  Deno.test(`data ${args.slice(0, 2).map((arg) => arg.split("/").at(-1)).join(" ")}: "${text.slice(0, 40)}…" and code 2`, async () => {
    const { code, out, err } = await data(...args);
    assertEquals([code, out], [2, ""], err);
    assertStringIncludes(err, text);
    assert(err.trim().split("\n").length <= 2, err);
  });
}

Deno.test("data get: reports the missing flags without permission for the servers", () =>
  withDirectory(async (path) => {
    const { code, err } = await data("get", "mnist", "--data", path);
    assertEquals(code, 2);
    assertStringIncludes(err, "--allow-net");
    assertEquals([...Deno.readDirSync(path)], []);
  }));

Deno.test({
  name: `data get --from: copies official files, and others only with --unverified${skipped(whole)}`,
  ignore: whole === undefined,
  fn: () =>
    withDirectory(async (path) => {
      const from = fileURLToPath(whole!);
      const got = await data("get", "mnist", "--from", from, "--data", path, "--json");
      assertEquals([got.code, got.err], [0, ""]);
      assertEquals(
        new Set(objectsIn(got.out).map(({ came, official }) => `${came} ${official}`)),
        new Set(["copied true"]),
      );
      const checked = await data("check", "mnist", "--data", path, "--json");
      assertEquals(objectsIn(checked.out).map(({ state }) => state), new Array(4).fill("official"));
      await Deno.writeTextFile(`${path}/mnist/t10k-labels-idx1-ubyte.gz`, "spoilt");
      const spoilt = await data("check", "mnist", "--data", path, "--json");
      assertEquals([spoilt.code, objectsIn(spoilt.out)[3]!["state"]], [1, "damaged"]);
      const again = await data("get", "mnist", "--from", from, "--data", path);
      assertEquals(again.code, 1);
      assertStringIncludes(again.err, "Remove the file to get the official one");
    }),
});
