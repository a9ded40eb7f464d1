import { assert } from "../../testing/assert.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";

const FLAGS = ["--allow-read", "--unstable-worker-options", "--v8-flags=--expose-gc"];

Deno.test("memory: batches that were processed and replies that were passed on are released while the service runs", async () => {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-released-" });
  try {
    await writeTinyModel(directory);
    const program = new URL("../fixtures/released_batches.ts", import.meta.url).href;
    const command = new Deno.Command(Deno.execPath(), { args: ["run", ...FLAGS, program, directory] });
    const { stdout, stderr } = await command.output();
    assert(stdout.length > 0, new TextDecoder().decode(stderr));
    const counts: Record<string, [number, number]> = JSON.parse(new TextDecoder().decode(stdout));
    for (const [what, [seen, kept]] of Object.entries(counts)) {
      assert(seen >= 250 && kept <= 5, `${kept} of ${seen} ${what} are kept`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
