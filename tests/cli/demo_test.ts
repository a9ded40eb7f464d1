import { resolve } from "node:path";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { FileServer } from "../fixtures/file_server.ts";
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

Deno.test("demo: runs from an http URL, and ends with commands that work there", async () => {
  await using server = new FileServer();
  await using directory = await temporaryDirectory("demo-test");
  const flags = [...server.importFlags, `--allow-net=${server.host}`, "--allow-read", "--allow-write"];
  const program = `http://${server.host}/cli.ts`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-worker-options", ...flags, program, "demo"],
    cwd: directory.path,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const out = new TextDecoder().decode(stdout);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const sample = /curl -s (\S+) \| deno run \S+ \S+ (\S+) send --wait --model mnist -/.exec(out);
  assertEquals(sample?.[2], program, out.slice(-400));
  const response = await fetch(sample![1]!);
  await response.body?.cancel();
  assertEquals(response.status, 200);
});

Deno.test("demo: ends with commands for a file that exists, wherever it runs", async () => {
  await using directory = await temporaryDirectory("demo-test");
  for (const cwd of [ROOT.pathname, directory.path]) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--unstable-worker-options", "-RW", `${ROOT.pathname}cli.ts`, "demo"],
      cwd,
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const [, path] = /send --wait --model mnist (\S+)\n$/.exec(new TextDecoder().decode(stdout)) ?? [];
    assert((await Deno.stat(resolve(cwd, path ?? "?"))).isFile);
  }
});
