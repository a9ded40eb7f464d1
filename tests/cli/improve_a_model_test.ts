import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { ended } from "../fixtures/imagebus.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FLAGS = "--allow-read --allow-write --allow-net --allow-env --allow-sys=hostname";

/** The blocks of commands of a page, one after the other. */
async function commandsOf(page: string): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}${page}`);
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join("");
}

Deno.test("docs/improve-a-model.md: its commands, as they are written, end with a better model", async () => {
  await using directory = await temporaryDirectory("improve-test");
  const { path } = directory;
  await Deno.symlink(`${ROOT}tests`, `${path}/tests`);
  await Deno.writeTextFile(
    `${path}/imagebus`,
    `#!/bin/sh\nexec ${Deno.execPath()} run -q --lock=${ROOT}development.lock ${FLAGS} ${ROOT}cli.ts "$@"\n`,
    { mode: 0o755 },
  );
  const { code, out, err } = await ended(
    new Deno.Command("bash", {
      // The worker that `kill` ends has the code 0, and nothing outlives the shell.
      args: [
        "-euc",
        `trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n${await commandsOf("docs/improve-a-model.md")}`,
      ],
      cwd: path,
      env: {
        PATH: `${path}:${Deno.env.get("PATH")}`,
        NO_COLOR: "1",
        IMAGEBUS_STATE_DIR: `${path}/state`,
        IMAGEBUS_URL: "",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }),
  );
  assertEquals(code, 0, `${out}\n${err}`);
  assertStringIncludes(err, "10 written to clothes/train\n");
  const [before, after] = [...out.matchAll(/^accuracy on clothes test\s+([\d.]+) %/gm)].map(([, share]) =>
    Number(share)
  );
  assert(after! > before!, out);
  assertStringIncludes(out, `clothes 1.1.0: ${after!.toFixed(1)} % of 18 images with a true label are right`);
});
