import { assert, assertEquals } from "../../testing/assert.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("demo: runs with the permissions of its task, and prints one object per image with --json", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, ...args] = tasks.demo.command.split(" ");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--json"],
    cwd: ROOT,
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const results = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line).result);
  assertEquals(results.length, 30);
  assert(results.every(({ status }) => status === "classified"));
});
