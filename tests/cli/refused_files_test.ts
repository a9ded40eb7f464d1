/** Files that cannot be read or written: a message that names the file and the reason. */
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { openTransport } from "../../bus/connect.ts";
import { encodeDeadLetter } from "../../bus/dead_letter.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { failed, requestRecord } from "../../testing/settled.ts";
import { type Ended, ended, UNPRIVILEGED } from "../fixtures/imagebus.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const CLI = `"${Deno.execPath()}" run --quiet -A "${ROOT}cli.ts"`;
const DENIED = "the file system denies access";
const UNOPENED = "it must be a file, in a directory that this user can write";
const NOT_UTF8 = "its name is not valid UTF-8, so that Deno cannot open it; rename it";

/** Arguments, the exit code, and a part of the message. `place` is the directory that refuses to be written. */
type Row = readonly [args: string, code: number, text: string];

const READ_ONLY: readonly Row[] = [
  ["dead-letters export place/x --bus sqlite:bus.db", 2, `Cannot write place/x: ${DENIED}`],
  ["inspect 7.png --model mnist --out place/x.png", 2, `place/x.png: ${DENIED}`],
  ["evaluate mnist --report place/x.html --on gone", 2, `place/x.html: ${DENIED}`],
  ["cross-validate mnist --report place/x.html --data gone", 2, `place/x.html: ${DENIED}`],
  ["worker --sink jsonl:place/x.jsonl --bus sqlite:bus.db", 2, `Cannot write place/x.jsonl: ${DENIED}`],
  ["worker --results place/r.db --bus sqlite:bus.db", 2, UNOPENED],
  ["results one --results place/results.db", 0, ""],
  ["doctor --results place/results.db", 0, ""],
  ["send 7.png --bus sqlite:place/new.db", 2, UNOPENED],
  ["demo", 1, `Cannot create a temporary directory (TMPDIR): ${DENIED}`],
];

const FULL: readonly Row[] = [
  ["dead-letters export place/x --bus sqlite:bus.db", 1, "Cannot write place/x: the disk is full"],
  ["worker --results place/r.db --bus sqlite:bus.db", 1, "place/r.db: the disk is full; free some space"],
  ["send 7.png --bus sqlite:place/new.db", 1, 'place/new.db": the disk is full; free some space'],
];

const UNREADABLE: readonly Row[] = [
  ["inspect place/7.png --model mnist", 2, `Cannot read place/7.png: ${DENIED}`],
  ["send --files-from place/7.png --bus sqlite:bus.db", 2, `Cannot read place/7.png: ${DENIED}`],
  [
    "model import x --name x --labels-file place/7.png",
    2,
    `Cannot read --labels-file place/7.png: ${DENIED}`,
  ],
  ["send --watch place/below --bus sqlite:bus.db", 2, `place/below: ${DENIED}`],
  ["send --watch place --recursive --bus sqlite:bus.db", 2, `place/below: ${DENIED}`],
  ["results --results place/r.db", 2, `Cannot read place/r.db: ${DENIED}`],
  ["results --results place/below/r.db", 2, `Cannot read place/below/r.db: ${DENIED}`],
  ["topics --bus sqlite:place/below/bus.db", 2, `Cannot read place/below/bus.db: ${DENIED}`],
  ["results export one --images place/below", 2, `Cannot read place/below: ${DENIED}`],
];

const KINDS = [
  ["a directory that cannot be written", "cp results.db place && mount -o remount,ro place", READ_ONLY],
  [
    "what this user may not read",
    "cp 7.png place; cp results.db place/r.db; mkdir place/below; chmod 0 place/*",
    UNREADABLE,
  ],
  ["a full disk", "cat /dev/zero > place/filling 2> /dev/null", FULL],
] as const;

const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-Urm", "true"], stderr: "null" }).output()
    .then(({ success }) => success, () => false);

for (const [name, prepare, rows] of KINDS) {
  Deno.test({
    name: `files: ${name} is reported${canMount ? "" : " (skipped: no file system can be mounted here)"}`,
    ignore: !canMount,
    fn: async () => {
      await using state = await stateDirectory();
      await Deno.mkdir(`${state.path}/place`);
      const mount = `mount -t tmpfs -o size=64k tmpfs place; ${prepare}; TMPDIR="$PWD/place" exec ${
        UNPRIVILEGED.join(" ")
      } ${CLI}`;
      for (const [args, code, text] of rows) {
        const outcome = await shell(state, ["unshare", "-Urm", "sh", "-c", `${mount} ${args}`]);
        assertStringIncludes(outcome.err, text);
        assertEquals([outcome.code, /os error/.test(outcome.err)], [code, false], `${args}: ${outcome.err}`);
      }
    },
  });
}

Deno.test({
  name: "files: standard output that cannot be written is reported",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using state = await stateDirectory();
    const { err, code } = await shell(state, ["sh", "-c", `${CLI} help > /dev/full`]);
    assertEquals([err, code], ["imagebus: Cannot write standard output: the disk is full\n", 1]);
  },
});

Deno.test({
  name: "files: a name that is not valid UTF-8 is reported as the reason",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using state = await stateDirectory();
    const copy =
      'mkdir -p photos/a photos/b; cp 7.png photos/a/1.png; cp 7.png photos/a; cp 7.png photos/b; cp 7.png "$(printf "photos/b/caf\\351.png")"';
    for (const args of ["send -r photos", "inspect photos/b/caf?.png --model mnist"]) {
      const { err } = await shell(state, ["sh", "-c", `${copy}; exec ${CLI} ${args}`]);
      assertMatch(err, new RegExp(`Cannot read photos/b/caf.\\.png: ${NOT_UTF8}`));
    }
    const { out } = await shell(state, ["sh", "-c", `exec ${CLI} data check photos`]);
    assertStringIncludes(out.replaceAll(/\s+/g, " "), "or its name is not valid UTF-8");
  },
});

/** With a bus that has a dead letter, results and an image. */
async function stateDirectory(): Promise<TemporaryDirectory> {
  const state = await temporaryDirectory("refused-files");
  await using sink = await sqliteSink(`${state.path}/results.db`);
  await sink.write([failed("one")]);
  await using transport = await openTransport(`sqlite:${state.path}/bus.db`);
  const letter = encodeDeadLetter({ ...requestRecord("one"), value: SEVEN.png }, failed("one").result);
  await transport.send("imagebus.dead-letters", [letter]);
  await Deno.writeFile(`${state.path}/7.png`, SEVEN.png);
  return state;
}

function shell(
  state: TemporaryDirectory,
  [program, ...args]: readonly [string, ...string[]],
): Promise<Ended> {
  const env = { NO_COLOR: "1", IMAGEBUS_STATE_DIR: state.path };
  return ended(new Deno.Command(program, { args, env, cwd: state.path, stdin: "null" }));
}
