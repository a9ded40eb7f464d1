import { loadAll } from "../../cli/commands.ts";
import { wordsOf } from "../../cli/commands/completion/words.ts";
import { flagOf } from "../../lib/options.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { ended, imagebus } from "../fixtures/imagebus.ts";

/** What bash offers for the last of some words. */
async function offered(...lines: readonly (readonly string[])[]): Promise<string[]> {
  await using directory = await temporaryDirectory("completion");
  const script = `${directory.path}/imagebus.bash`;
  await Deno.writeTextFile(script, (await imagebus(["completion", "bash"])).out);
  const asked = lines.map((words) => `offer ${["imagebus", ...words].map((word) => `'${word}'`).join(" ")}`);
  const offer = 'offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imagebus; echo "\${COMPREPLY[*]}"; }';
  const { code, out, err } = await ended(
    new Deno.Command("bash", { args: ["-c", [`source ${script}`, offer, ...asked].join("\n")] }),
  );
  assertEquals([code, err], [0, ""]);
  return out.split("\n").slice(0, -1);
}

Deno.test("completion bash: offers commands, sub-commands, options and their values", async () => {
  assertEquals(
    await offered(["wo"], ["worker", "--deli"], ["worker", "--delivery", ""], ["data", ""], ["help", "top"], [
      "send",
      "x",
    ]),
    ["worker", "--delivery", "at-least-once exactly-once", "get list check", "topics", ""],
  );
});

Deno.test("completion: every option of every command is in each script", async () => {
  const scripts = await Promise.all(["bash", "zsh", "fish"].map((shell) => imagebus(["completion", shell])));
  for (const command of await loadAll()) {
    const { flags } = wordsOf(command);
    for (const { flag } of flags) {
      for (const { out } of scripts) assertStringIncludes(out, flag.slice(2));
    }
    for (const [name, row] of Object.entries(command.options)) {
      if (row.type !== "api") {
        assert(flags.some(({ flag }) => flag.replace("--no-", "--") === flagOf(name)), name);
      }
    }
  }
});

for (const shell of ["zsh", "fish"]) {
  Deno.test(`completion ${shell}: the script is correct`, async () => {
    await using directory = await temporaryDirectory("completion");
    const script = `${directory.path}/script`;
    await Deno.writeTextFile(script, (await imagebus(["completion", shell])).out);
    const checked = await ended(new Deno.Command(shell, { args: ["-n", script] })).catch(() => undefined);
    if (checked === undefined) return console.error(`skipped: there is no ${shell}`);
    assertEquals([checked.code, checked.err], [0, ""]);
  });
}

Deno.test("completion: an unknown shell is one line and exit code 2", async () => {
  const { code, err } = await imagebus(["completion", "bsh"]);
  assertEquals([code, err], [2, 'imagebus: Unknown shell "bsh": did you mean "bash"?\n']);
});
