/** What is typed wrong is refused by its name, and commands that only look create nothing. */
import { DatabaseSync } from "node:sqlite";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";

const LOOKING = [
  ["topics"],
  ["status"],
  ["result", "one", "--timeout-ms", "1s"],
  ["dead-letters", "list"],
  ["dead-letters", "show", "one"],
  ["dead-letters", "export", "failed"],
  ["dead-letters", "replay", "--all"],
];

Deno.test("mistakes: commands that only look refuse a bus that does not exist, and do not create it", async () => {
  await using directory = await temporaryDirectory("mistakes");
  for (const bus of [`sqlite:${directory.path}/typo.db`, "sqlite:README.md/bus.db"]) {
    for (const args of LOOKING) {
      const { code, err } = await imagebus([...args, "--bus", bus]);
      assertStringIncludes(err, `There is no bus ${bus}; imagebus worker and imagebus send create it`);
      assertEquals(code, 2, args.join(" "));
    }
  }
  const fresh = await imagebus(["status"], { IMAGEBUS_STATE_DIR: directory.path });
  assertStringIncludes(fresh.err, "No worker process runs on this machine");
  assertEquals(fresh.code, 1);
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name), []);
});

Deno.test("results: all of the ids that are asked for are shown, however many", async () => {
  await using directory = await temporaryDirectory("mistakes");
  const path = `${directory.path}/results.db`;
  await (await sqliteSink(path)).close?.();
  const ids = Array.from({ length: 30 }, (_, i) => `image-${i}`);
  using database = new DatabaseSync(path);
  const insert = database.prepare(
    "INSERT INTO results (id, status, at, waited_ms, took_ms) VALUES (?, 'failed', '2026-01-01T00:00:00Z', 0, 0)",
  );
  for (const id of [...ids, "another"]) insert.run(id);
  const idsOf = async (...args: string[]) =>
    objectsIn((await imagebus(["results", ...args, "--results", path, "--json"])).out).map(({ id }) => id);
  assertEquals((await idsOf(...ids)).length, 30);
  assertEquals((await idsOf()).length, 20);
  assertEquals((await idsOf(...ids, "--limit", "3")).length, 3);
});

const ABSENT = "README.md/r.db does not exist; imagebus worker creates it";
const DIRECTORY = "docs: it is a directory";

const MISTAKES = [
  [["results", "--results", "README.md/r.db"], ABSENT],
  [["results", "accuracy", "--results", "README.md/r.db"], ABSENT],
  [["results", "export", "one", "--images", "out", "--results", "README.md/r.db"], ABSENT],
  [["label", "one", "7", "--results", "README.md/r.db"], ABSENT],
  [["models", "compare", "mnist", "--results", "README.md/r.db"], ABSENT],
  [["send", "--watch", "README.md/inbox"], "Cannot watch README.md/inbox: it is not a folder"],
  [["status", "--config", "docs"], DIRECTORY],
  [["send", "--files-from", "docs"], `Cannot read ${DIRECTORY}`],
  [
    ["model", "import", "x", "--name", "x", "--labels-file", "docs"],
    `Cannot read --labels-file ${DIRECTORY}`,
  ],
  [["results", "--results", "docs"], "docs is no database of results: it is a directory"],
  [["results", "--results", "README.md"], "Cannot read results: README.md is no database of results"],
  [["send", "x.png", "--reply-to", "bad topic!"], '--reply-to is "bad topic!": expected 1 to 249 of the'],
  [["send", "x.png", "--reply-to", "imagebus.mnist"], '--reply-to is "imagebus.mnist": expected'],
  [["worker", "--sink", "jsonl:x.jsonl", "--json"], "Cannot use --json: it is for the sink console"],
  [["worker", "--quiet", "--json"], "Cannot use --json: it is for the sink console"],
  [["worker", "--sink", "console", "--results", "x.db"], "Cannot use --results: it is for the sink sqlite"],
] as const;

Deno.test("mistakes: a bus that is another file is refused, and stays as it is", async () => {
  await using directory = await temporaryDirectory("mistakes");
  const [other, notes] = [`${directory.path}/other.db`, `${directory.path}/notes.txt`];
  using database = new DatabaseSync(other);
  database.exec("CREATE TABLE theirs (x)");
  await Deno.writeTextFile(notes, "not a database\n".repeat(1_000));
  for (
    const [file, text] of [[other, "it is the database of another program"], [notes, "is not a database"]]
  ) {
    const before = await Deno.readFile(file!);
    for (const args of [["send", "models/mnist/samples/7-7.png"], ["worker"], ["topics"]]) {
      const { code, err } = await imagebus([...args, "--bus", `sqlite:${file}`]);
      assertStringIncludes(err, text!);
      assertEquals(code, 2, err);
    }
    assertEquals(await Deno.readFile(file!), before);
  }
});

Deno.test("mistakes: a file or an option that cannot be used is refused by its name", async () => {
  for (const [args, text] of MISTAKES) {
    const { code, err } = await imagebus(args);
    assertStringIncludes(err, text);
    assertEquals(code, 2);
  }
});

Deno.test("mistakes: a file in the place of the state directory counts as none, and doctor names it", async () => {
  const env = { IMAGEBUS_STATE_DIR: "README.md", IMAGEBUS_URL: "" };
  const status = await imagebus(["status"], env);
  assertStringIncludes(status.err, "No worker process runs on this machine");
  const { out, code } = await imagebus(["doctor", "--json"], env);
  assertEquals(objectsIn(out).filter(({ state }) => state === "wrong"), [{
    check: "state directory",
    state: "wrong",
    text: "Cannot write README.md: a part of its path is a file; expected a directory",
  }]);
  assertEquals(code, 1);
});
