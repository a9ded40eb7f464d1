import { connect } from "../bus/connect.ts";
import { assertEquals, assertStringIncludes } from "../testing/assert.ts";
import { BROKERS, testKafka } from "../testing/brokers/kafka.ts";
import { imagesOf } from "../testing/images.ts";
import { WorkerProcess } from "../testing/harness/worker_process.ts";
import { pythonEnvironment, runPython } from "../testing/python_environment.ts";

const ROOT = new URL("../", import.meta.url);
const KAFKA_PYTHON = ["kafka-python==3.0.12"];

/** The flags that an example names in its first comment. */
async function flagsOf(example: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(`examples/${example}.ts`, ROOT));
  const command = /deno run ((?:\s|\*|\\|--[\w=-]+)*)/.exec(source)?.[1] ?? "";
  return command.match(/--[\w=-]+/g) ?? [];
}

/** Starts an example with the command that it names, on the embedded bus in a directory. */
async function start(
  example: string,
  directory: string,
  args: readonly string[] = [],
): Promise<Deno.ChildProcess> {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...await flagsOf(example), `examples/${example}.ts`, ...args],
    cwd: ROOT,
    env: { IMAGEBUS_STATE_DIR: directory, IMAGEBUS_URL: `sqlite:${directory}/bus.db` },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function outputOf(process: Deno.ChildProcess): Promise<string[]> {
  const { code, stdout, stderr } = await process.output();
  assertEquals([code, code === 0 ? "" : new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout).trim().split("\n");
}

function testExample(name: string, run: (directory: string) => Promise<void>): void {
  Deno.test(`example ${name}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await run(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

const SEVEN = "models/mnist/samples/7-7.png";
const BOOT = "models/fashion-mnist/samples/9-ankle-boot.png";

testExample("embedded_service: classifies the files of its arguments", async (directory) => {
  const lines = await outputOf(await start("embedded_service", directory, [BOOT, "LICENSE"]));
  assertEquals(lines.find((line) => line.startsWith(BOOT)), `${BOOT}\tAnkle boot`);
  assertStringIncludes(lines.find((line) => line.startsWith("LICENSE")) ?? "", "LICENSE\tfailed: ");
});

testExample("custom_sink: counts the labels until it is stopped", async (directory) => {
  const process = await start("custom_sink", directory);
  {
    await using bus = await connect(`sqlite:${directory}/bus.db`);
    const images = imagesOf("mnist").slice(0, 3);
    for (const { png } of images) await bus.classify(png, { model: "mnist", timeoutMs: 60_000 });
  }
  process.kill("SIGINT");
  const counts = (await outputOf(process)).filter((line) => /^mnist\t\d\t\d+$/.test(line));
  assertEquals(counts.map((line) => Number(line.split("\t")[2])).reduce((sum, count) => sum + count), 3);
});

testExample("http_front_door: stores an image, and gives its result", async (directory) => {
  await using _worker = await WorkerProcess.start({ bus: `sqlite:${directory}/bus.db`, directory });
  const process = await start("http_front_door", directory);
  const log = process.stderr.getReader();
  await log.read(); // "Listening on …"
  const stored = await fetch("http://127.0.0.1:8000/mnist", {
    method: "POST",
    body: await Deno.readFile(new URL(SEVEN, ROOT)),
  });
  const { id } = await stored.json();
  assertEquals([stored.status, stored.headers.get("location")], [202, `/results/${id}`]);
  const answer = await fetch(`http://127.0.0.1:8000/results/${id}`);
  assertEquals((await answer.json()).label, "7");
  const refused = await fetch("http://127.0.0.1:8000/no%20model", { method: "POST", body: "x" });
  assertEquals([refused.status, (await refused.json()).code], [400, "invalid"]);
  process.kill("SIGTERM");
  await Promise.all([log.cancel(), process.stdout.cancel(), process.status]);
});

testExample("batch_job: writes a line per file", async (directory) => {
  await using _worker = await WorkerProcess.start({ bus: `sqlite:${directory}/bus.db`, directory });
  const lines = await outputOf(await start("batch_job", directory, ["models/mnist/samples", "mnist"]));
  const labels = lines.map((line) => /samples\/(\d)-.*","(\d)","\d\.\d{4}"$/.exec(line)?.slice(1));
  assertEquals(labels.length, Array.from(Deno.readDirSync(new URL("models/mnist/samples", ROOT))).length);
  assertEquals(labels.filter((pair) => pair?.[0] !== pair?.[1]), []);
});

testKafka(
  "examples producer.py and consumer.py: an image goes to a worker and its label comes back",
  async () => {
    const environment = await pythonEnvironment(KAFKA_PYTHON);
    if ("missing" in environment) return console.error(`skipped: ${environment.missing}`);
    const directory = await Deno.makeTempDir();
    {
      await using _worker = await WorkerProcess.start({ bus: `kafka://${BROKERS}`, directory });
      await using bus = await connect(`kafka://${BROKERS}`);
      const run = (name: string, ...args: string[]) =>
        runPython(environment.python, new URL(`examples/${name}.py`, ROOT), [BROKERS.join(","), ...args]);
      const [id] = (await run("producer", "mnist", new URL(SEVEN, ROOT).pathname)).split("\t");
      const result = await bus.result(id!, { timeoutMs: 60_000 });
      assertEquals(result.status === "classified" && result.label, "7");
      const lines = (await run("consumer", "1")).trim().split("\n");
      assertEquals(lines.length, 1);
      assertEquals(lines[0]!.split("\t").length, 3);
    }
    await Deno.remove(directory, { recursive: true });
  },
);
