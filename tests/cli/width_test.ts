import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { openTransport } from "../../bus/connect.ts";
import { encodeDeadLetter } from "../../bus/dead_letter.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { classified, failed, requestRecord } from "../../testing/settled.ts";
import { columnsOf, cutText } from "../../cli/ui/text_width.ts";
import { imagebus } from "../fixtures/imagebus.ts";

const UUID = crypto.randomUUID();
const LONG_ID = `urn:camera:${"0123456789".repeat(12)}`;
/** Characters of two columns each, of which some are two UTF-16 units, and one of several code points. */
const WIDE_NAME = `${"漢字".repeat(20)}${"😀".repeat(30)}👩‍👩‍👧.png`;
const LONG_NAME = "a-directory-with-a-name-of-some-length/".repeat(3);

const COMMANDS: readonly (readonly string[])[] = [
  ["results"],
  ["dead-letters", "list"],
  ["dead-letters", "show", LONG_ID],
  ["dead-letters", "replay", "--all", "--dry-run"],
  ["status"],
  ["topics"],
  ["models"],
  ["options", "worker"],
  ["doctor"],
];

Deno.test("output: every line fits 80 columns without a terminal, and long ids and paths are complete", async () => {
  await using directory = await temporaryDirectory("width-test");
  const state = `${directory.path}/${LONG_NAME}`;
  await Deno.mkdir(state, { recursive: true });
  {
    await using sink = await sqliteSink(`${state}/results.db`);
    const wide = classified("wide");
    await sink.write([classified(UUID), failed(LONG_ID), {
      ...wide,
      result: { ...wide.result, fileName: WIDE_NAME },
    }]);
    await using transport = await openTransport(`sqlite:${state}/bus.db`);
    for (const id of [UUID, LONG_ID]) {
      const letter = encodeDeadLetter({ ...requestRecord(id), value: SEVEN.png }, failed(id).result);
      await transport.send("imagebus.dead-letters", [letter]);
    }
  }
  for (const args of COMMANDS) {
    const { out, err } = await imagebus(args, { IMAGEBUS_STATE_DIR: state, IMAGEBUS_URL: "" });
    const lines = out.trimEnd().split("\n");
    assert(lines.length > 1, err);
    for (const line of lines) assert(columnsOf(line) <= 80, `${args.join(" ")}: ${line}`);
    const joined = out.replaceAll(/\s+/g, "");
    if (args[0] === "results" || args[1] === "list") {
      assert(lines.some((line) => line.endsWith(` ${UUID}`)), "an id that fits a line is whole");
    }
    if (args[0] === "results" || args[0] === "dead-letters") assertStringIncludes(joined, LONG_ID);
    if (args[0] === "results") {
      assertStringIncludes(joined, "boots/9.png");
      assertStringIncludes(joined, WIDE_NAME);
    }
    if (args[0] === "status") assertStringIncludes(joined, `sqlite:${state}/bus.db`);
  }
});

Deno.test("output: a text has the columns that terminals give it, and is cut between characters", () => {
  const cases = [["abc", 3], ["漢字", 4], ["ｆｕｌｌ", 8], ["😀", 2], ["👩‍👩‍👧", 2], ["e\u0301", 1], [
    "naïve – ✓",
    9,
  ]] as const;
  for (const [text, width] of cases) assertEquals(columnsOf(text), width, text);
  assertEquals(cutText("a漢字b😀", 3), ["a漢", "字b", "😀"]);
  assertEquals(cutText("漢", 1), ["漢"]);
  assertEquals(cutText("", 5), [""]);
});
