import { assert, assertEquals } from "../../testing/assert.ts";
import { classifyIsolated } from "../fixtures/isolated_classifier.ts";

const ROOT = new URL("../../", import.meta.url);
const SAMPLE = new URL("models/fashion-mnist/samples/1-trouser.png", ROOT);
const TYPES: Record<string, string> = { ".ts": "application/typescript", ".js": "text/javascript" };

interface Answer {
  readonly outcome: { readonly ok: boolean; readonly top: readonly { readonly label: string }[] };
  readonly states: readonly string[];
}

function check({ outcome, states }: Answer): void {
  assertEquals(outcome.top[0]?.label, "Trouser");
  assert(!states.includes("granted"), states.join());
}

/** Serves the project as a plain web server does: no listing, 404 for what does not exist. */
function serveProject(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const type = TYPES[pathname.slice(pathname.lastIndexOf("."))] ?? "application/octet-stream";
    try {
      const body = await Deno.readFile(new URL(`.${pathname}`, ROOT));
      return new Response(body, { headers: { "content-type": type } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

Deno.test("isolation: a classifier runs in a Worker without any permission", async () => {
  check(await classifyIsolated(await Deno.readFile(SAMPLE)) as Answer);
});

Deno.test("isolation: models load and run in a program that imports the project from a URL", async () => {
  await using server = serveProject();
  const host = `127.0.0.1:${server.addr.port}`;
  const folder = await Deno.makeTempDir();
  try {
    const hex = (await Deno.readFile(SAMPLE)).toHex();
    await Deno.writeTextFile(
      `${folder}/program.ts`,
      `import { classifyIsolated } from "http://${host}/tests/fixtures/isolated_classifier.ts";
       console.log(JSON.stringify(await classifyIsolated(Uint8Array.fromHex("${hex}"))));`,
    );
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "--no-lock", "--unstable-worker-options"]
        .concat([`--allow-import=${host}`, `--allow-net=${host}`, "program.ts"]),
      cwd: folder,
    });
    const { success, stdout, stderr } = await command.output();
    assert(success, new TextDecoder().decode(stderr));
    check(JSON.parse(new TextDecoder().decode(stdout)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
