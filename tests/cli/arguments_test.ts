import { parseArguments } from "../../cli/arguments.ts";
import { defineActions, defineCommand, NO_OPERANDS, UsageError } from "../../cli/command.ts";
import { didYouMean } from "../../lib/suggestion.ts";
import { assertEquals, assertThrows } from "../../testing/assert.ts";

const COMMAND = defineCommand({
  name: "send",
  summary: "",
  operands: { form: "FILE…", min: 0, max: 2 },
  options: {
    model: { type: "text", value: "NAME", text: "" },
    maxMessageBytes: { type: "integer", min: 1, max: 100, value: "N", text: "" },
    wait: { type: "flag", default: false, text: "" },
    isolated: { type: "flag", default: true, text: "" },
    id: { type: "texts", value: "ID", text: "" },
  },
  examples: [["imagebus send a.png", "an example"]],
  permissions: ["env"],
  run: () => Promise.resolve(0),
});

Deno.test("arguments: options and operands are separated", () => {
  const args = parseArguments(COMMAND, [
    "a.png",
    "--model",
    "mnist",
    "--wait",
    "b.png",
    "--max-message-bytes=7",
  ]);
  assertEquals(args.operands, ["a.png", "b.png"]);
  assertEquals([args.values.model, args.values.wait, args.values.maxMessageBytes], ["mnist", true, 7]);
});

Deno.test("arguments: a repeatable option has all values of its flags, else that of its variable", () => {
  assertEquals(parseArguments(COMMAND, ["--id", "a", "--id=b"]).values.id, ["a", "b"]);
  assertEquals(parseArguments(COMMAND, []).values.id, undefined);
  Deno.env.set("IMAGEBUS_ID", "c");
  try {
    assertEquals(parseArguments(COMMAND, []).values.id, ["c"]);
    assertEquals(parseArguments(COMMAND, ["--id", "a"]).values.id, ["a"]);
  } finally {
    Deno.env.delete("IMAGEBUS_ID");
  }
});

Deno.test("arguments: a flag takes precedence over a variable", () => {
  Deno.env.set("IMAGEBUS_MAX_MESSAGE_BYTES", "50");
  try {
    assertEquals(parseArguments(COMMAND, []).values.maxMessageBytes, 50);
    assertEquals(parseArguments(COMMAND, ["--max-message-bytes", "60"]).values.maxMessageBytes, 60);
  } finally {
    Deno.env.delete("IMAGEBUS_MAX_MESSAGE_BYTES");
  }
});

Deno.test("arguments: each mistake has a message with the value and what is expected", () => {
  const cases: [string[], string][] = [
    [["--modle", "mnist"], 'send has no option --modle: did you mean "--model"?'],
    [["--model"], "--model needs a value: --model NAME"],
    [["--model", "-1"], "--model needs a value: --model NAME, or --model=-… if it begins with a dash"],
    [["--wait=yes"], "--wait takes no value"],
    [["--max-message-bytes", "0"], '--max-message-bytes is "0": expected a whole number from 1 to 100'],
    [["--max-message-bytes", "1e99"], "expected a whole number from 1 to 100"],
    [["--max-message-bytes", "NaN"], "expected a whole number from 1 to 100"],
    [["--max-message-bytes", ""], "expected a whole number from 1 to 100"],
    [["--model", "a", "--model=b"], "--model is given 2 times: expected once"],
    [["--model="], '--model is "": expected a text'],
    [["a", "b", "c"], 'Unexpected operand "c": send takes FILE…'],
  ];
  for (const [argv, message] of cases) assertThrows(() => parseArguments(COMMAND, argv), UsageError, message);
});

Deno.test("arguments: a flag that is on by default is turned off by --no-…", () => {
  assertEquals(parseArguments(COMMAND, []).values.isolated, true);
  assertEquals(parseArguments(COMMAND, ["--no-isolated"]).values.isolated, false);
  assertThrows(() => parseArguments(COMMAND, ["--no-wait"]), UsageError, "send has no option --no-wait");
});

Deno.test("arguments: a sub-command has its own operands and options", () => {
  const run = () => Promise.resolve(0);
  const command = defineActions({
    ...COMMAND,
    name: "data",
    examples: [["imagebus data get mnist", "an example"]],
    actions: {
      get: { operands: { form: "NAME", min: 1, max: 1 }, options: ["model"], run },
      list: { operands: NO_OPERANDS, options: ["wait"], run },
    },
  });
  assertEquals(parseArguments(command, ["get", "mnist", "--model=a"]).operands, ["mnist"]);
  const cases: [string[], string][] = [
    [[], "data needs one of get, list: imagebus data get mnist"],
    [["got"], 'Unknown sub-command "got" for data: did you mean "get"?'],
    [["get"], "data get needs NAME: imagebus data get mnist"],
    [["list", "x"], 'Unexpected operand "x": data list takes no operands'],
    [["list", "--model=a"], "data list has no option --model"],
  ];
  for (const [argv, message] of cases) assertThrows(() => parseArguments(command, argv), UsageError, message);
});

Deno.test("suggestion: the nearest word if one is near, else all words", () => {
  const known = ["worker", "send", "results"];
  assertEquals(didYouMean("sned", known), ': did you mean "send"?');
  assertEquals(didYouMean("result", known), ': did you mean "results"?');
  assertEquals(didYouMean("xyzzy", known), ": there are worker, send, results");
  assertEquals(didYouMean("x", []), "");
});
