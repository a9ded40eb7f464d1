import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

const ROOT = new URL("../../", import.meta.url);
/** What users run, and the Worker that it starts by name. */
const PROGRAMS = [
  "cli.ts",
  "mod.ts",
  "bus/transport/mod.ts",
  "actors/sinks/mod.ts",
  "models/mod.ts",
  "actors/workers/model_worker.ts",
];

interface Lock {
  readonly specifiers: Record<string, string>;
  readonly npm: Record<string, { readonly integrity: string }>;
}

async function lock(name: string): Promise<Lock> {
  return JSON.parse(await Deno.readTextFile(new URL(name, ROOT)));
}

Deno.test("locks: deno.lock names every package that runs, and no other: all of them are downloaded at the first command", async () => {
  await using directory = await temporaryDirectory("lock");
  const used = `${directory.path}/used.lock`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", `--lock=${used}`, ...PROGRAMS],
    cwd: ROOT,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { specifiers } = await lock(`file://${used}`);
  assertEquals((await lock("deno.lock")).specifiers, specifiers);
});

Deno.test("locks: development.lock has the same packages, and those of training, tests and tools", async () => {
  const [running, all] = [await lock("deno.lock"), await lock("development.lock")];
  for (const [name, { integrity }] of Object.entries(running.npm)) {
    assertEquals(all.npm[name]?.integrity, integrity, name);
  }
  assert("npm:@tensorflow/tfjs@4.22.0" in all.specifiers);
});
