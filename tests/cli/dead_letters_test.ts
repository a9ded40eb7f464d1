import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { fileNameOf } from "../../cli/file_name_of.ts";
import { parseSince } from "../../cli/options.ts";
import { shrink } from "../../cli/commands/dead_letters/show.ts";
import { encodeDeadLetter, encodeOmitted } from "../../bus/dead_letter.ts";
import { openTransport } from "../../bus/connect.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { byId, deadLetters, DeadLetterStage, liveDeadLetters } from "./dead_letters_suite.ts";
import { SEVEN } from "../../testing/images.ts";
import { classified, failed, requestRecord } from "../../testing/settled.ts";

Deno.test("dead-letters command: one row per id after the cause is fixed, also if replayed twice", async () => {
  await using stage = await DeadLetterStage.set((directory) => `sqlite:${directory}/bus.db`);
  await liveDeadLetters(stage);
});

/** Runs with a bus that has dead letters of these ids, in a temporary directory. */
async function withLetters(
  ids: readonly string[],
  run: (url: string, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const url = `sqlite:${dir}/bus.db`;
  {
    await using transport = await openTransport(url, { partitions: 1 });
    for (const id of ids) {
      const headers = { ...requestRecord(id).headers, "content-type": "image/png" };
      const message = { ...requestRecord(id), value: SEVEN.png, headers };
      await transport.send("imagebus.dead-letters", [encodeDeadLetter(message, failed(id).result)]);
    }
  }
  try {
    await run(url, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

Deno.test("dead-letters command: reports that an empty bus has none", () =>
  withLetters([], async (url) => {
    for (const args of [["list"], ["replay", "--all"]]) {
      const { code, out, err } = await deadLetters(url, ...args);
      assertEquals([code, out], [0, ""]);
      assertMatch(err, /^No dead letters on sqlite:/);
    }
  }));

Deno.test("dead-letters command: what was acknowledged is left out, unless it is asked for", () =>
  withLetters(["one", "two", "three"], async (url) => {
    const nothing = await deadLetters(url, "acknowledge");
    assertEquals(nothing.code, 2);
    assertStringIncludes(nothing.err, "Cannot acknowledge: no dead letters are selected");
    const unknown = await deadLetters(url, "acknowledge", "--id", "one", "--id", "four");
    assertEquals([unknown.code, unknown.out], [2, ""]);
    const done = await deadLetters(url, "acknowledge", "--id", "one", "--id", "two");
    assertEquals([done.code, done.out, done.err], [0, "one\ntwo\n", "Acknowledged: 2\n"]);
    assertEquals([...byId((await deadLetters(url, "list", "--json")).out).keys()], ["three"]);
    assertEquals(byId((await deadLetters(url, "list", "--json", "--acknowledged")).out).size, 3);
    assertStringIncludes((await deadLetters(url, "show", "one")).out, "acknowledged");
    const replayed = await deadLetters(url, "replay", "--all", "--dry-run");
    assertEquals(replayed.err, "Would be replayed: 1, refused: 0\n");
  }));

Deno.test("dead-letters command: purge removes what is done, up to the first that is not, and --all everything", () =>
  withLetters(["one", "two", "three", "four"], async (url, dir) => {
    const results = ["--results", `${dir}/results.db`];
    {
      await using sink = await sqliteSink(`${dir}/results.db`);
      await sink.write([classified("two")]);
    }
    await deadLetters(url, "acknowledge", "--id", "one", "--id", "four");
    const tried = await deadLetters(url, "purge", "--dry-run", ...results);
    const behind = "; 1 more when those before them are: a log is removed from its beginning\n";
    assertEquals([tried.code, tried.err], [0, `Would be removed: 2, kept: 1${behind}`]);
    assertEquals((await deadLetters(url, "purge", ...results)).err, `Removed: 2, kept: 1${behind}`);
    const left =
      async () => [...byId((await deadLetters(url, "list", "--json", "--acknowledged")).out).keys()];
    assertEquals(await left(), ["three", "four"]);
    assertEquals((await deadLetters(url, "purge", "--all")).err, "Removed: 2, kept: 0\n");
    assertEquals(await left(), []);
  }));

Deno.test("dead-letters command: what is classified meanwhile is not replayed", () =>
  withLetters(["one", "two", "three"], async (url, dir) => {
    {
      await using sink = await sqliteSink(`${dir}/results.db`);
      await sink.write([classified("one"), failed("two")]);
    }
    const { code, out, err } = await deadLetters(
      url,
      "replay",
      "--all",
      "--json",
      "--results",
      `${dir}/results.db`,
    );
    assertEquals([code, err], [0, "Replayed: 2, refused: 0, classified meanwhile: 1\n"]);
    assertEquals([...byId(out).keys()].sort(), ["three", "two"]);
  }));

Deno.test("dead-letters command: list shows one aligned line per id, the newest N, no control characters", () =>
  withLetters(["one", "two", "evil\u001b[2J"], async (url) => {
    const { code, out, err } = await deadLetters(url, "list", "--limit", "2");
    const lines = out.trimEnd().split("\n");
    assertEquals([code, lines.length], [0, 3]);
    assertMatch(lines[0]!, /^failed at +model +reason +bytes +attempts +now +id$/);
    assertMatch(lines[1]!, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +fashion-mnist +damaged +\d+ +1 +- +two$/);
    assertStringIncludes(lines[2]!, "evil\\u001b[2J");
    assertStringIncludes(err, "Showing the newest 2 of 3; --limit N shows more");
  }));

Deno.test("dead-letters command: show prints everything, human-readable and as JSON", () =>
  withLetters(["one", "two"], async (url) => {
    const { code, out } = await deadLetters(url, "show", "two");
    assertEquals(code, 0);
    for (
      const part of ["damaged: why two failed", "key of two", "imagebus.fashion-mnist, partition 2, offset 5"]
    ) {
      assertStringIncludes(out, part);
    }
    assertMatch(out, /^binary +base64 \/\/4=$/m);
    const object = byId((await deadLetters(url, "show", "two", "--json")).out).get("two");
    assertEquals(object?.["headers"], {
      ce_id: "two",
      own: "kept",
      binary: { base64: "//4=" },
      "content-type": "image/png",
    });
  }));

Deno.test("dead-letters command: export writes content and description inside the directory for any id", () =>
  withLetters(
    ["one", "../../etc/passwd", "ONE", "a/b", "a\\b", ".hidden"],
    async (url, dir) => {
      const before = filesIn(dir);
      const { code, err } = await deadLetters(url, "export", `${dir}/failed`);
      assertEquals(code, 0, err);
      assertEquals(filesIn(dir), [...before, "failed"].sort());
      const files = filesIn(`${dir}/failed`);
      assertEquals(files.length, 12);
      const abouts = files.filter((name) => name.endsWith(".json")).map((name) =>
        JSON.parse(Deno.readTextFileSync(`${dir}/failed/${name}`))
      );
      const ids = abouts.map(({ id }) => id).sort();
      assertEquals(ids, ["../../etc/passwd", ".hidden", "ONE", "a/b", "a\\b", "one"]);
      for (const { file } of abouts) {
        assertMatch(file, /^[a-z0-9][a-z0-9._-]*\.png$/);
        assertEquals([...Deno.readFileSync(`${dir}/failed/${file}`)], [...SEVEN.png]);
      }
    },
  ));

Deno.test("dead-letters command: export rejects a directory that is not empty, and leaves nothing incomplete", () =>
  withLetters(["one"], async (url, dir) => {
    await Deno.mkdir(`${dir}/full`);
    await Deno.writeTextFile(`${dir}/full/mine`, "mine");
    await Deno.mkdir(`${dir}/empty`);
    const before = filesIn(dir);
    const occupied = await deadLetters(url, "export", `${dir}/full`);
    assertEquals([occupied.code, filesIn(`${dir}/full`)], [2, ["mine"]]);
    assertStringIncludes(occupied.err, "is not empty");
    const file = await deadLetters(url, "export", `${dir}/full/mine`);
    assertEquals(file.code, 2);
    const none = await deadLetters(url, "export", `${dir}/none`, "--reason", "empty");
    assertEquals(none.code, 0);
    assertMatch(none.err, /^No matching dead letters/);
    assertEquals(filesIn(dir), before);
    assertEquals((await deadLetters(url, "export", `${dir}/empty`)).code, 0);
    assertEquals(filesIn(`${dir}/empty`), ["one.json", "one.png"]);
  }));

Deno.test("dead-letters command: without the content, the rest is shown and exported, and replay is refused", () =>
  withLetters([], async (url, dir) => {
    {
      await using transport = await openTransport(url);
      const message = { ...requestRecord("large"), value: SEVEN.png };
      await transport.send("imagebus.dead-letters", [encodeOmitted(message, failed("large").result)]);
    }
    const { out } = await deadLetters(url, "show", "large");
    assertStringIncludes(out, `${SEVEN.png.length}, content not kept: too large for the bus`);
    assertEquals((await deadLetters(url, "export", `${dir}/failed`)).code, 0);
    assertEquals(filesIn(`${dir}/failed`), ["large.json"]);
    const refused = await deadLetters(url, "replay", "--all");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.err, "Cannot replay large: it was too large to be kept");
    assertStringIncludes(refused.err, "imagebus.fashion-mnist, partition 2, offset 5");
  }));

Deno.test("dead-letters command: each mistake has a message with what is expected, and nothing is sent", () =>
  withLetters(["one"], async (url) => {
    const cases: [string[], string][] = [
      [[], "dead-letters needs one of list, show, export, replay"],
      [["lst"], 'Unknown sub-command "lst" for dead-letters: did you mean "list"?'],
      [["list", "one"], `Unexpected operand "one": dead-letters list takes no operands`],
      [["list", "--all"], "dead-letters list has no option --all: it belongs to replay"],
      [["export", "d", "--dry-run"], "dead-letters export has no option --dry-run: it belongs to replay"],
      [["list", "--since", "soon"], '--since is "soon": expected how long ago, such as 30m, 2h or 7d'],
      [["show"], "dead-letters show needs ID: imagebus dead-letters show 42"],
      [["show", "two"], 'Unknown dead letter "two" on sqlite:'],
      [["export"], "dead-letters export needs DIR"],
      [
        ["replay"],
        "Cannot replay: no dead letters are selected; expected --id, --reason, --model, --since or --all",
      ],
      [["replay", "--limit", "1"], "Cannot replay: no dead letters are selected"],
      [["replay", "one"], `Unexpected operand "one": dead-letters replay takes no operands`],
      [["replay", "--all", "--model", "mnist"], "Cannot replay: --all excludes --id"],
      [["replay", "--id", "one", "--id", "two"], 'Unknown dead letter "two" on sqlite:'],
      [["replay", "--all", "--max-attempts", "0"], '--max-attempts is "0": expected a whole number from 1'],
    ];
    for (const [args, message] of cases) {
      const { code, out, err } = await deadLetters(url, ...args);
      assertEquals([code, out], [2, ""], args.join(" "));
      assertStringIncludes(err, message);
      assert(err.trimEnd().split("\n").length <= 2, err);
    }
    await using transport = await openTransport(url);
    assertEquals((await transport.topics()).map(({ name }) => name), ["imagebus.dead-letters"]);
  }));

Deno.test("dead-letters command: since parses how long ago, and times", () => {
  const now = Date.parse("2026-02-01T12:00:00Z");
  const cases: [string, string][] = [
    ["90s", "2026-02-01T11:58:30.000Z"],
    ["30m", "2026-02-01T11:30:00.000Z"],
    ["2h", "2026-02-01T10:00:00.000Z"],
    ["7d", "2026-01-25T12:00:00.000Z"],
    ["2026-01-31", "2026-01-31T00:00:00.000Z"],
    ["2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z"],
    ["2026-01-31T12:00:00.5+01:00", "2026-01-31T11:00:00.500Z"],
  ];
  for (const [text, expected] of cases) assertEquals(parseSince(text, now)?.toISOString(), expected);
  for (const text of ["", "2", "h", "-2h", "2 h", "1.5h", "2026-13-01", "2026-01-31T25:00Z", "01/31/2026"]) {
    assertEquals(parseSince(text, now), undefined, text);
  }
});

Deno.test("dead-letters command: file names are safe, and different for different ids", () => {
  assertEquals(fileNameOf("cam-1_2026.7", "letter"), "cam-1_2026.7");
  const ids = [
    "A",
    "a",
    "../a",
    "a/",
    ".",
    "..",
    "",
    "con",
    "nul.txt",
    "ä",
    "ö",
    "x".repeat(256),
    "x".repeat(255),
    "-rf",
  ];
  const names = ids.map((id) => fileNameOf(id, "letter"));
  assertEquals(new Set(names).size, ids.length);
  for (const name of names) assertMatch(name, /^[a-z0-9][a-z0-9._-]{0,109}$/);
  assert(!names.includes("con") && !names.includes("nul.txt"));
});

Deno.test("dead-letters command: a large image is shrunk to the width of a terminal, a small one is unchanged", () => {
  const seven = decodeImage(SEVEN.png);
  assertEquals(shrink(seven), { ...seven, data: new Uint8Array(seven.data) });
  const data = Uint8Array.from({ length: 130 * 3 * 3 }, (_, i) => i % 251);
  const small = shrink({ width: 130, height: 3, channels: 3, data });
  assertEquals([small.width, small.height, small.data.length], [44, 1, 132]);
  assertEquals([...small.data.subarray(3, 6)], [...data.subarray(9, 12)]);
});
