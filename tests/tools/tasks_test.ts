import { assert, assertEquals, assertMatch } from "../../testing/assert.ts";
import { ended } from "../fixtures/imagebus.ts";

const ROOT = new URL("../../", import.meta.url);

const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
/** The tools and benchmarks of this repository; the other tasks are commands of cli.ts, or a line of shell. */
const NAMES = Object.keys(tasks).filter((name) => / (tools|bench)\//.test(tasks[name].command));

function runTask(name: string, ...args: string[]) {
  const words = [...tasks[name].command.split(" ").slice(1), ...args];
  return ended(
    new Deno.Command(Deno.execPath(), { args: words, cwd: ROOT, env: { NO_COLOR: "1" }, stdin: "null" }),
  );
}

for (const name of NAMES) {
  Deno.test(`deno task ${name}: --help explains it in 80 columns`, async () => {
    const { code, out } = await runTask(name, "--help");
    assertEquals(code, 0);
    assertMatch(out, new RegExp(`^Usage\n  deno task ${name} \\[options\\]`, "m"));
    for (const line of out.split("\n")) assert(line.length <= 80, line);
  });

  Deno.test(`deno task ${name}: an unknown option is one line and exit code 2`, async () => {
    const { code, err } = await runTask(name, "--frob");
    assertEquals(code, 2);
    assertMatch(err, new RegExp(`(^|\n)${name} has no option --frob: .*\n$`));
  });
}
