import { parseArguments } from "../../cli/arguments.ts";
import { type Command, UsageError } from "../../cli/command.ts";
import { didYouMean } from "../../cli/ui/suggestion.ts";
import { assertEquals, assertThrows } from "../../testing/assert.ts";

const COMMAND: Command = {
  name: "send",
  summary: "",
  operands: "FILE…",
  options: {
    model: { type: "string", value: "NAME", description: "" },
    "max-message-bytes": { type: "number", value: "N", description: "", range: [1, 100] },
    wait: { type: "boolean", description: "" },
    id: { type: "string", value: "ID", multiple: true, description: "" },
  },
  examples: [],
  permissions: [],
  run: () => Promise.resolve(0),
};

Deno.test("arguments: options and operands are told apart", () => {
  const args = parseArguments(COMMAND, [
    "a.png",
    "--model",
    "mnist",
    "--wait",
    "b.png",
    "--max-message-bytes=7",
  ]);
  assertEquals(args.operands, ["a.png", "b.png"]);
  assertEquals([args.text("model"), args.flag("wait"), args.number("max-message-bytes")], ["mnist", true, 7]);
});

Deno.test("arguments: an option that can be given several times has all its values, or the environment's one", () => {
  assertEquals(parseArguments(COMMAND, ["--id", "a", "--id=b"]).texts("id"), ["a", "b"]);
  assertEquals(parseArguments(COMMAND, []).texts("id"), []);
  Deno.env.set("IMAGEBUS_ID", "c");
  try {
    assertEquals(parseArguments(COMMAND, []).texts("id"), ["c"]);
    assertEquals(parseArguments(COMMAND, ["--id", "a"]).texts("id"), ["a"]);
  } finally {
    Deno.env.delete("IMAGEBUS_ID");
  }
});

Deno.test("arguments: the environment stands in for an option, and gives way to it", () => {
  Deno.env.set("IMAGEBUS_MAX_MESSAGE_BYTES", "50");
  try {
    assertEquals(parseArguments(COMMAND, []).number("max-message-bytes"), 50);
    assertEquals(parseArguments(COMMAND, ["--max-message-bytes", "60"]).number("max-message-bytes"), 60);
  } finally {
    Deno.env.delete("IMAGEBUS_MAX_MESSAGE_BYTES");
  }
});

Deno.test("arguments: each mistake is named, with what would be right", () => {
  const cases: [string[], string][] = [
    [["--modle", "mnist"], 'send has no option --modle: did you mean "--model"?'],
    [["--model"], "--model needs a value: --model NAME"],
    [["--wait=yes"], "--wait takes no value"],
    [["--max-message-bytes", "0"], '--max-message-bytes is "0": expected a whole number from 1 to 100'],
    [["--max-message-bytes", "1e99"], "expected a whole number from 1 to 100"],
    [["--max-message-bytes", "NaN"], "expected a whole number from 1 to 100"],
    [["--max-message-bytes", ""], "expected a whole number from 1 to 100"],
  ];
  for (const [argv, message] of cases) assertThrows(() => parseArguments(COMMAND, argv), UsageError, message);
});

Deno.test("suggestion: the nearest word where one is near, else what there is", () => {
  const known = ["worker", "send", "results"];
  assertEquals(didYouMean("sned", known), ': did you mean "send"?');
  assertEquals(didYouMean("result", known), ': did you mean "results"?');
  assertEquals(didYouMean("xyzzy", known), ": there are worker, send, results");
  assertEquals(didYouMean("x", []), "");
});
