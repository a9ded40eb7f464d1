/** What is the same for every command and sub-command. */
import { parseCommand } from "../../cli/arguments.ts";
import { type Command, type Operands, UsageError } from "../../cli/command.ts";
import { loadAll } from "../../cli/commands.ts";
import { mapConcurrent } from "../../lib/map_concurrent.ts";
import { assert, assertEquals, assertThrows } from "../../testing/assert.ts";
import { imagebusCommand } from "../fixtures/imagebus.ts";

const COMMANDS = await loadAll();

/** A command or sub-command: what is typed for it after the name of the command, and its operands. */
interface Form {
  readonly command: Command;
  readonly words: readonly string[];
  readonly operands: Operands;
}

const FORMS: readonly Form[] = COMMANDS.flatMap((command): Form[] =>
  "actions" in command
    ? Object.entries(command.actions).map(([name, { operands }]) => ({ command, words: [name], operands }))
    : [{ command, words: [], operands: command.operands }]
);

function refused(command: Command, argv: readonly string[]): string {
  return assertThrows(() => parseCommand(command, argv), UsageError).message;
}

Deno.test("every command: an operand too many and one too few are refused with what would be right", () => {
  for (const { command, words, operands: { form, min, max } } of FORMS) {
    const title = [command.name, ...words].join(" ");
    const many = [...words, ...new Array(Math.min(max, 1_000)).fill("x"), "one-more"];
    const expected = max === 0 ? `${title} takes no operands` : `${title} takes ${form}`;
    if (max < Infinity) {
      assert(refused(command, many).startsWith(`Unexpected operand "one-more": ${expected}`), title);
    }
    if (min > 0) assert(refused(command, words).startsWith(`${title} needs ${form}`), title);
  }
});

Deno.test("every command: an unknown option is refused by its name", () => {
  for (const { command, words } of FORMS) {
    const message = refused(command, [...words, "--frobnicate"]);
    assert(message.startsWith(`${command.name} has no option --frobnicate: `), message);
  }
});

Deno.test("every command: a misspelt sub-command is refused, unless it can be an operand", () => {
  for (const command of COMMANDS) {
    if (!("actions" in command)) continue;
    const { actions, otherwise } = command;
    if (otherwise !== undefined && actions[otherwise]!.operands.max > 0) continue;
    for (const name of Object.keys(actions)) {
      assertEquals(
        refused(command, [`${name}x`]),
        `Unknown sub-command "${name}x" for ${command.name}: did you mean "${name}"?`,
      );
    }
  }
});

/** They print on standard output at once. */
const PRINTING = [
  ...["--help", "help send", "--version", "options worker", "models", "models versions mnist", "data list"],
  ...["doctor", "completion bash", "demo", "inspect models/mnist/samples/7-7.png --model mnist"],
];

Deno.test("every command: ends without a message when nobody reads its output", async () => {
  const outcomes = await mapConcurrent(PRINTING, 2, async (line) => {
    await using child = imagebusCommand(line.split(" ")).spawn();
    await child.stdout.cancel();
    return [line, await new Response(child.stderr).text(), (await child.status).code];
  });
  assertEquals(outcomes, PRINTING.map((line) => [line, "", 1]));
});
