import { assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { testReplies } from "./replies_suite.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";

testReplies("sqlite", (directory) => `sqlite:${directory}/bus.db`, false);

const ROOT = new URL("../../", import.meta.url);
const FLAGS = ["--allow-read", "--allow-write", "--allow-env"];
const SEVEN = "models/mnist/samples/7-7.png";

function imagebus(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...FLAGS, "cli.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(...args: string[]) {
  const { code, stdout, stderr } = await imagebus(args).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("result command: prints the result that a killed `send --wait` waited for, and one line for invalid arguments", async () => {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-result-" });
  const bus = `sqlite:${directory}/bus.db`;
  try {
    const sent = ["--bus", bus, "--model", "mnist", "--id", "order-17"];
    const asker = imagebus(["send", "--wait", "--timeout-ms", "600000", ...sent, SEVEN]).spawn();
    for (let stored = false; !stored;) {
      const { out } = await run("topics", "--bus", bus, "--json");
      stored = /"end":1\b/.test(out);
    }
    asker.kill("SIGKILL");
    await asker.output();
    const late = await run("result", "order-17", "--bus", bus, "--timeout-ms", "200");
    assertEquals(late.code, 1);
    assertMatch(late.err, /^imagebus: No result for order-17 within 200 ms.*\n$/);
    await using _worker = await WorkerProcess.start({ bus, directory, args: ["--models", "mnist"] });
    const json = await run("result", "order-17", "--bus", bus, "--json", "--since", "1h");
    assertEquals([json.code, JSON.parse(json.out).label], [0, "7"]);
    const shown = await run("result", "order-17", "--bus", bus);
    assertMatch(shown.out, /^models\/mnist\/samples\/7-7\.png +7 +\d+\.\d % +\d+ ms +order-17\n$/);
    const wrong = await run("result", "--bus", bus);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "result needs ID: imagebus result");
    const two = await run("send", "--id", "x", SEVEN, SEVEN, "--bus", bus);
    assertEquals([two.code, two.err], [
      2,
      "imagebus: --id belongs to one image: it needs one FILE, without --recursive, --files-from or --watch\n",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
