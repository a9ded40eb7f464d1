import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { assertAnswersOfClone } from "../fixtures/demo_answers.ts";

const ROOT = new URL("../../", import.meta.url);

/** The command of docs/install.md that begins with some words, as its arguments. */
async function documented(start: string): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("docs/install.md", ROOT));
  const joined = page.replaceAll("\\\n", " ");
  return joined.split("\n").find((line) => line.startsWith(start))!.split(/\s+/);
}

Deno.test("deno install: the command of docs/install.md gives a command that works in any directory, with the answers of the clone", async () => {
  await using root = await temporaryDirectory("install");
  const run = async (program: string, args: readonly string[], cwd: string | URL) => {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd,
      env: { DENO_INSTALL_ROOT: root.path, IMAGEBUS_STATE_DIR: root.path, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
    assertEquals(code, 0, err);
    return out;
  };
  const [, ...install] = await documented("deno install");
  await run(Deno.execPath(), install, ROOT);
  const imagebus = `${root.path}/bin/imagebus`;
  assertStringIncludes(await run(imagebus, ["--version"], root.path), "imagebus ");
  const demo = await run(imagebus, ["demo", "--json"], root.path);
  await assertAnswersOfClone(demo);
});
