import { COMMANDS } from "../../cli/commands.ts";
import { busHelpOf, helpOf, overview } from "../../cli/ui/help.ts";
import { columns, fit, width, wrap } from "../../cli/ui/terminal.ts";
import { imagebus } from "../fixtures/imagebus.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";

const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));

Deno.test("help: the overview and the help of every command fit 80 columns", () => {
  for (
    const text of [
      overview(commands),
      ...commands.map((command) => helpOf(command, 80)),
      ...commands.map((command) => busHelpOf(command, 80)),
    ]
  ) {
    for (const line of text.split("\n")) assert(width(line) <= 80, line);
  }
});

Deno.test("help: prose fits 40 columns; command lines and flags stay whole", () => {
  for (
    const text of [
      overview(commands, 40),
      ...commands.flatMap((one) => [helpOf(one, 40), busHelpOf(one, 40)]),
    ]
  ) {
    const wide = text.split("\n").filter((line) => width(line) > 40 && / [^ ]+ /.test(line.trim()));
    for (const line of wide) assert(/^ {2}(-|\w.* (imagebus|-)|imagebus )/.test(line), line);
  }
});

Deno.test("fit: breaks between words, and keeps what is indented", () => {
  const command = `  imagebus send ${"x".repeat(40)} --wait`;
  assertEquals(fit(`one two three\n${command}`, 7), `one two\nthree\n${command}`);
});

Deno.test("help: choices show their values, flags that are on show their default", () => {
  const worker = helpOf(commands.find(({ name }) => name === "worker")!, 80);
  assertStringIncludes(worker, "\n  --delivery at-least-once|exactly-once\n");
  assertStringIncludes(
    worker,
    "\n  --[no-]isolated\n      run models without any permission; default: true (",
  );
});

Deno.test("help: an option of some actions begins with them", () => {
  const deadLetters = helpOf(commands.find(({ name }) => name === "dead-letters")!, 80);
  assertStringIncludes(deadLetters, "\n      replay, acknowledge, purge: all dead letters\n");
  assertStringIncludes(
    deadLetters,
    "\n      list, export, replay, acknowledge: only requests for this model\n",
  );
  assertStringIncludes(deadLetters, "\n      print JSON on standard output,");
});

Deno.test("help: examples are command lines of known commands", () => {
  for (const [line] of commands.flatMap(({ examples }) => examples)) {
    const name = /(?:^|\| )imagebus (\S+)/.exec(line)?.[1] ?? "";
    assert(Object.hasOwn(COMMANDS, name), line);
  }
});

Deno.test("wrap: breaks between words only, and keeps a longer word whole", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
});

Deno.test("columns: what does not fit continues on indented lines, the same for all rows", () => {
  assertEquals(
    columns([["time", "model", "id"], ["12:00", "mnist", "x".repeat(30)], ["12:01", "", "7"]], 40),
    ["time   model", "    id", "12:00  mnist", `    ${"x".repeat(30)}`, "12:01", "    7"].join("\n"),
  );
});

Deno.test("columns: a long text is broken between words beside its name, a longer word where the line ends", () => {
  const sentence = "one two three four five six seven eight nine ten";
  assertEquals(
    columns([["id", "7"], ["reason", sentence]], 50),
    [
      "id      7",
      "reason  one two three four five six seven eight",
      "        nine ten",
    ].join("\n"),
  );
  assertEquals(columns([["y".repeat(90)]], 40), ["y".repeat(40), "y".repeat(40), "y".repeat(10)].join("\n"));
});

Deno.test("columns: a coloured cell stays coloured in each of its pieces", () => {
  const red = (text: string) => `\x1b[31m${text}\x1b[0m`;
  assertEquals(
    columns([["a", red(`${"b".repeat(60)} c`)]], 50),
    [
      `a  ${red("b".repeat(47))}`,
      `   ${red("b".repeat(13))}`,
      `   ${red("c")}`,
    ].join("\n"),
  );
});

Deno.test("columns: control characters, those that change the direction of text, and invisible ones are escaped", () => {
  assertEquals(columns([["Zoë 猫\n\u001b]0;x\u0007\u202e"]]), "Zoë 猫\\u000a\\u001b]0;x\\u0007\\u202e");
  for (
    const code of ["061c", "200e", "200f", "2066", "2069", "00ad", "200b", "2028", "2060", "feff", "fffa"]
  ) {
    assertEquals(columns([[`a${String.fromCharCode(parseInt(code, 16))}b`]]), `a\\u${code}b`);
  }
  assertEquals(columns([["a\u{e0041}b"]]), "a\\u{e0041}b");
  assertEquals(columns([["می\u200cخواهم ❤\ufe0f 👩\u200d🚀"]]), "می\u200cخواهم ❤\ufe0f 👩\u200d🚀");
});

Deno.test("columns: aligns numbers on the right, all else on the left", () => {
  assertEquals(
    columns([["name", "count"], ["a", "1"], ["long name", "1,000"]]),
    [
      "name       count",
      "a              1",
      "long name  1,000",
    ].join("\n"),
  );
});

Deno.test("help: options of one kind of bus have a page of their own, which the first one names", () => {
  const send = commands.find(({ name }) => name === "send")!;
  assert(!helpOf(send, 80).includes("--kafka-client-id") && helpOf(send, 80).includes("--help-bus"));
  assert(
    busHelpOf(send, 80).includes("--kafka-client-id") && busHelpOf(send, 80).includes("--sqlite-synchronous"),
  );
  assert(!helpOf(commands.find(({ name }) => name === "models")!, 80).includes("--help-bus"));
});

Deno.test("help: `help COMMAND` is its --help, and --version prints one line", async () => {
  const [named, flag] = await Promise.all([imagebus(["help", "send"]), imagebus(["send", "--help"])]);
  assertEquals([named.code, named.out], [0, flag.out]);
  const { code, out } = await imagebus(["--version"]);
  assertEquals([code, /^imagebus \d+\.\d+\.\d+ \(Deno [\d.]+, \w+ \w+\)\n$/.test(out)], [0, true], out);
});
