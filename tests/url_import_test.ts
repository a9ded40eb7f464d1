import { assertEquals } from "../testing/assert.ts";

const ROOT = new URL("../", import.meta.url);

/** Serves the project as any static file server does. Remembers what was asked for. */
function serveFiles(asked: Set<string>) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
    asked.add(path);
    try {
      const file = await Deno.open(new URL(path, ROOT));
      const type = path.endsWith(".ts") ? "application/typescript" : "application/octet-stream";
      return new Response(file.readable, {
        headers: { "content-type": path.endsWith(".js") ? "text/javascript" : type },
      });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

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
  const asked = new Set<string>();
  await using server = serveFiles(asked);
  const host = `127.0.0.1:${server.addr.port}`;
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/main.ts`, program(`http://${host}`));
  await Deno.copyFile(new URL("models/mnist/samples/7-7.png", ROOT), `${dir}/seven.png`);
  const flags = [
    `--allow-import=${host}`,
    `--allow-net=${host}`,
    "--allow-read=.",
    "--allow-write=.",
    "--no-lock",
  ];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-worker-options", ...flags, "main.ts"],
    cwd: dir,
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stdout).trim(), decoder.decode(stderr)], [0, "classified 7", ""]);
  for (const path of ["actors/model_worker.ts", "models/mnist/weights.bin"]) {
    assertEquals(asked.has(path), true, path);
  }
  await Deno.remove(dir, { recursive: true });
});
