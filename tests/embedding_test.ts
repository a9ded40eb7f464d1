import { assertEquals } from "../testing/assert.ts";
import { FileServer } from "./fixtures/file_server.ts";

const ROOT = new URL("../", import.meta.url);

/** Paths of the modules that `deno.json` exports. */
async function exported(): Promise<string[]> {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  return typeof exports === "string" ? [exports] : Object.values(exports);
}

/**
 * Type-checks a program that imports everything, in a project without a configuration.
 *
 * @param base Where the modules are: a URL with a slash at the end.
 * @param flags For `deno check`.
 * @returns The diagnostics of modules below `base`. Those of npm packages are left out, as `deno check` does.
 */
async function diagnostics(base: string, flags: readonly string[]): Promise<string[]> {
  const dir = await Deno.makeTempDir();
  const imports = (await exported()).map((path) => `import "${new URL(path, base)}";\n`);
  await Deno.writeTextFile(`${dir}/main.ts`, imports.join(""));
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    // Without --all, Deno hides errors in modules that are not files of the project.
    args: ["check", "--quiet", "--all", ...flags, "main.ts"],
    cwd: dir,
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(dir, { recursive: true });
  const blocks = new TextDecoder().decode(stderr).split("\n\n");
  return blocks.filter((block) => block.includes(base) || /^error: (?!Type checking failed)/.test(block));
}

Deno.test("embedding: every export type-checks in a default project, by file URL", async () => {
  assertEquals(await diagnostics(ROOT.href, []), []);
});

Deno.test("embedding: every export type-checks in a default project, by http URL", async () => {
  await using server = new FileServer();
  assertEquals(await diagnostics(`http://${server.host}/`, server.importFlags), []);
  for (const path of await exported()) {
    assertEquals(server.requested.has(path.slice("./".length)), true, path);
  }
});
