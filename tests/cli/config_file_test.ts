import { dirname } from "node:path";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { type Ended, ended, objectsIn, UNPRIVILEGED } from "../fixtures/imagebus.ts";

const ROOT = new URL("../../", import.meta.url);

/** A directory with a configuration file, and one below it in which commands run. */
async function withFile(text: string, test: (below: string, path: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory("config");
  const path = await Deno.realPath(directory.path);
  await Deno.mkdir(`${path}/below/below`, { recursive: true });
  await Deno.writeTextFile(`${path}/imagebus.jsonc`, text);
  await test(`${path}/below/below`, path);
}

function run(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const flags = ["--allow-read", "--allow-write", "--allow-env", "--allow-net", "--allow-sys=hostname"];
  return ended(
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--config",
        `${ROOT.pathname}deno.json`,
        ...flags,
        `${ROOT.pathname}cli.ts`,
        ...args,
      ],
      cwd,
      env: { NO_COLOR: "1", IMAGEBUS_STATE_DIR: cwd, IMAGEBUS_URL: "", ...env },
      stdin: "null",
    }),
  );
}

/** What `imagebus options --json` shows, as value and place. */
async function shown(
  cwd: string,
  option: string,
  args: readonly string[] = [],
  env?: Readonly<Record<string, string>>,
): Promise<unknown[]> {
  const { out, err, code } = await run(cwd, ["options", "send", "--json", ...args], env);
  assertEquals(code, 0, err);
  const { value, source } = objectsIn(out).find((row) => row.option === option)!;
  return [value, source];
}

Deno.test("configuration file: found upwards; a variable takes precedence over it, and a flag over both", () =>
  withFile('{ "model": "mnist", /* of one command */ "topics": { "group": "a" }, }', async (below, path) => {
    assertEquals(await shown(below, "model", []), ["mnist", "file"]);
    assertEquals(await shown(below, "model", [], { IMAGEBUS_MODEL: "cifar-10" }), ["cifar-10", "variable"]);
    assertEquals(await shown(below, "timeoutMs", []), [30_000, "default"]);
    await Deno.writeTextFile(`${path}/other.json`, '{ "model": "other" }');
    assertEquals(await shown(below, "model", ["--config", "../../other.json"]), ["other", "file"]);
    assertEquals(await shown(below, "model", [], { IMAGEBUS_CONFIG: `${path}/other.json` }), [
      "other",
      "file",
    ]);
    const sent = (...args: string[]) => run(below, ["send", `${ROOT.pathname}LICENSE`, ...args]);
    assertStringIncludes((await sent("--model", "a b")).err, '"a b"');
    assertEquals((await sent()).code, 0);
  }));

Deno.test("configuration file: its paths are relative to its directory", () =>
  withFile('{ "bus": "sqlite:own.db" }', async (below, path) => {
    assertEquals((await run(below, ["send", `${ROOT.pathname}LICENSE`])).code, 0);
    assertEquals((await Deno.stat(`${path}/own.db`)).isFile, true);
  }));

Deno.test({
  name: "configuration file: found above a directory that may not be entered",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFile('{ "model": "mnist" }', async (below) => {
      const prefix = Deno.uid() === 0 ? UNPRIVILEGED : [];
      const deno = [Deno.execPath(), "run", "--quiet", "-A", `${ROOT.pathname}cli.ts`];
      const args = ["-c", 'chmod 0 .. && exec "$@"', "sh", ...prefix, ...deno, "options", "send", "--json"];
      const env = { NO_COLOR: "1", IMAGEBUS_URL: "" };
      const { code, out, err } = await ended(
        new Deno.Command("sh", { args, cwd: below, env, stdin: "null" }),
      );
      await Deno.chmod(dirname(below), 0o755);
      assertEquals(code, 0, err);
      assertEquals(objectsIn(out).find(({ option }) => option === "model")?.value, "mnist");
    }),
});

const WRONG: readonly (readonly [text: string, message: string])[] = [
  ['{ "modle": "mnist" }', 'Unknown option modle in PATH: did you mean "model"?'],
  ['{ "send": { "modle": "mnist" } }', 'Unknown option modle in PATH: did you mean "model"?'],
  ['{ "maxMessageBytes": "many" }', 'maxMessageBytes in PATH is "many": expected a size'],
  ['{ "maxMessageBytes": 0.5 }', "maxMessageBytes in PATH is 0.5: expected a whole number"],
  ['{\n  "model": \n}', "PATH, line 3 is not valid JSON (ValueExpected); expected JSON"],
  ["[]", "PATH: expected an object with options"],
];

for (const [text, message] of WRONG) {
  Deno.test(`configuration file: ${JSON.stringify(text)} is one line and exit code 2`, () =>
    withFile(text, async (below, path) => {
      const { code, err } = await run(below, ["send", `${ROOT.pathname}LICENSE`]);
      assertEquals(code, 2, err);
      assertStringIncludes(err, message.replace("PATH", `${path}/imagebus.jsonc`));
      assertEquals(err.trim().split("\n").length, 1);
    }));
}

Deno.test("options: secrets and passwords in URLs are not shown", () =>
  withFile('{ "worker": { "sink": ["console", "postgres://me:pass@word@host/images"] } }', async (below) => {
    await Deno.writeTextFile(`${below}/token`, "hidden");
    const { out } = await run(below, ["options", "worker", "--json"], { IMAGEBUS_HTTP_TOKEN: "hidden" });
    const rows = objectsIn(out);
    assertEquals(rows.find(({ option }) => option === "sink")?.value, [
      "console",
      "postgres://me:…@host/images",
    ]);
    assertEquals(out.includes("hidden"), false);
    assertEquals(out.includes("word@"), false);
  }));
