import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { assertAnswersOfClone } from "../fixtures/demo_answers.ts";

const ROOT = new URL("../../", import.meta.url);

async function run(program: string, args: readonly string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    ...options,
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  return { code, out, err };
}

/** Where Deno keeps packages, so that the installed command need not download them again. */
async function denoDir(): Promise<string> {
  return JSON.parse((await run(Deno.execPath(), ["info", "--json"])).out).denoDir;
}

/** Installs the package as a user would; the reason, where npm or its registry is missing. */
async function install(directory: string): Promise<string | undefined> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, ...build] = tasks.npm.command.split(" ");
  const built = await run(Deno.execPath(), [...build, "--out", `${directory}/package`], { cwd: ROOT });
  assertEquals(built.code, 0, built.err);
  await Deno.writeTextFile(`${directory}/package.json`, "{}");
  const packed = await run("npm", ["pack", "--silent", "./package"], { cwd: directory });
  assertEquals(packed.code, 0, packed.err);
  const installed = await run("npm", ["install", "--silent", `./${packed.out.trim()}`], { cwd: directory });
  return installed.code === 0 ? undefined : installed.err.trim();
}

Deno.test("npm package: the installed command runs on Node.js alone, gives the answers of the clone, and passes its exit code on", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const missing = await install(directory);
    if (missing !== undefined) return console.error(`skipped: npm cannot install: ${missing}`);
    await Deno.mkdir(`${directory}/bin`);
    const node = (await run("node", ["-p", "process.execPath"])).out.trim();
    await Deno.symlink(node, `${directory}/bin/node`);
    // No Deno on the PATH.
    const env = {
      PATH: `${directory}/bin:/usr/bin:/bin`,
      XDG_CACHE_HOME: `${directory}/cache`,
      DENO_DIR: await denoDir(),
      IMAGEBUS_STATE_DIR: directory,
    };
    const imagebus = (...args: string[]) =>
      run(`${directory}/node_modules/.bin/imagebus`, args, { cwd: directory, env });
    const demo = await imagebus("demo", "--json");
    assertEquals(demo.code, 0, demo.err);
    await assertAnswersOfClone(demo.out);
    const wrong = await imagebus("frob");
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, 'Unknown command "frob"');
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
