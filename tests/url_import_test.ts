import { assertEquals } from "../testing/assert.ts";
import { FileServer } from "./fixtures/file_server.ts";

function program(origin: string): string {
  return `
    import { connect, serve } from "${origin}/mod.ts";
    await using bus = await connect("sqlite:bus.db");
    await using service = await serve(bus, { models: ["mnist"] });
    const result = await bus.classify(await Deno.readFile("seven.png"), { model: "mnist" });
    console.log(result.status, result.label);
  `;
}

Deno.test("url import: a program elsewhere serves a model and classifies, all from an http URL", async () => {
  await using server = new FileServer();
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/main.ts`, program(`http://${server.host}`));
  await Deno.copyFile(new URL("../models/mnist/samples/7-7.png", import.meta.url), `${dir}/seven.png`);
  const flags = [...server.importFlags, `--allow-net=${server.host}`, "--allow-read=.", "--allow-write=."];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-worker-options", ...flags, "main.ts"],
    cwd: dir,
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stdout).trim(), decoder.decode(stderr)], [0, "classified 7", ""]);
  for (const path of ["actors/workers/model_worker.ts", "models/mnist/weights.bin"]) {
    assertEquals(server.requested.has(path), true, path);
  }
  await Deno.remove(dir, { recursive: true });
});
