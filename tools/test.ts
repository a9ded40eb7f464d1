/**
 * `deno task test`: runs all tests, with a real Kafka. The last line is the number of tests that passed,
 * failed and were skipped.
 *
 * Uses the brokers in `KAFKA_BROKERS`; without it, starts one on the local Java. Without Java the tests that
 * need Kafka are skipped, which is a failure if `CI` is `true`. Tests on whole data sets find them in
 * `IMAGEBUS_DATA`; see testing/data.ts.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type Arguments, defineCommand } from "../cli/command.ts";
import { interruption, runTask } from "../cli/task.ts";
import { logError, print } from "../cli/ui/terminal.ts";
import { defined } from "../lib/defined.ts";
import type { OptionTable } from "../lib/options.ts";
import { type KafkaBroker, startKafka } from "../testing/brokers/kafka_broker.ts";
import { KafkaUnavailable } from "../testing/brokers/kafka_install.ts";
import { ServerStartError } from "../testing/brokers/server_process.ts";
import { findTestData } from "../testing/data.ts";

/** Permissions of the tests and of the examples in the documentation. */
const PERMISSIONS = [
  "--allow-read", // fixtures, models, databases in temporary folders
  "--allow-write", // databases in temporary folders
  "--allow-env", // KAFKA_BROKERS, IMAGEBUS_*, and what npm packages look up
  "--allow-net", // Kafka, PostgreSQL, and servers that tests start on this machine
  "--allow-run", // consumers and workers that are killed, the command line, brokers
  "--allow-sys", // memory and CPU of this process, the host's name
  "--allow-import", // modules served by a test, as users import them
];

/** Where tests and examples are. */
const EVERYTHING = ["tests", "mod.ts", "lib", "bus", "models", "training", "convert", "actors"];

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed[^|]*\| (\d+) failed(?:[^|]*\| (\d+) ignored)?/;
// deno-lint-ignore no-control-regex -- colours
const COLOUR = /\x1b\[[0-9;]*m/g;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const OPTIONS = {
  filter: { type: "text", value: "TEXT", text: "only tests with TEXT in their name, or matching /TEXT/" },
  failFast: { type: "flag", default: false, text: "stop after the first failure" },
  noCheck: { type: "flag", default: false, text: "do not check types first" },
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

const test = defineCommand({
  program: "deno task",
  name: "test",
  summary: "Run the tests, with a real Kafka on this machine's Java or in KAFKA_BROKERS",
  operands: { form: "[FILE…] [-- FLAG…]", min: 0, max: Infinity },
  options: OPTIONS,
  examples: [
    ["deno task test", "all tests, and the examples in the documentation"],
    ["deno task test tests/bus --filter replies", "some tests"],
    ["deno task test -- --shuffle --trace-leaks", "with other flags of deno test"],
  ],
  permissions: [],
  run,
});

async function run(args: Args): Promise<number> {
  const stop = interruption();
  await using kafka = await startUnlessGiven();
  const { code, passed, failed, skipped } = await runTests(denoFlags(args), kafka?.brokers, stop);
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  stop.throwIfAborted();
  return code;
}

async function startUnlessGiven(): Promise<KafkaBroker | null> {
  if (Deno.env.get("KAFKA_BROKERS")) return null;
  try {
    return await startKafka();
  } catch (error) {
    if (!(error instanceof KafkaUnavailable) || Deno.env.get("CI") === "true") throw error;
    logError(`The tests with Kafka are skipped. ${error.message}`);
    return null;
  }
}

function denoFlags({ operands, values: { filter, failFast, noCheck } }: Args): string[] {
  return [
    ...filter === undefined ? [] : [`--filter=${filter}`],
    ...failFast ? ["--fail-fast"] : [],
    ...noCheck ? ["--no-check"] : [],
    ...operands,
  ];
}

async function runTests(
  args: readonly string[],
  brokers: string | undefined,
  stop: AbortSignal,
): Promise<Counts & { code: number }> {
  const hasPaths = (await Promise.all(args.map(isPath))).includes(true);
  const data = await findTestData();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", ...PERMISSIONS, ...args, ...hasPaths ? [] : EVERYTHING],
    env: defined({ KAFKA_BROKERS: brokers, IMAGEBUS_DATA: data && fileURLToPath(data) }),
    stdout: "piped",
  }).spawn();
  const interrupt = () => child.kill("SIGTERM");
  if (stop.aborted) interrupt();
  stop.addEventListener("abort", interrupt);
  const counts = await forward(child.stdout);
  const { code } = await child.status;
  stop.removeEventListener("abort", interrupt);
  return { code, ...counts };
}

async function isPath(argument: string): Promise<boolean> {
  return await Deno.stat(argument).then(() => true, () => false);
}

/**
 * Prints the output of the tests, and reads its summary. Without one, for example after a type error, one
 * test has failed.
 */
async function forward(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Counts> {
  let counts = { passed: 0, failed: 1, skipped: 0 };
  let rest = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    await write(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) counts = readSummary(line) ?? counts;
  }
  return counts;
}

async function write(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}

function readSummary(line: string): Counts | undefined {
  const match = SUMMARY.exec(line.replace(COLOUR, ""));
  if (match === null) return undefined;
  const [, passed, failed, skipped = 0] = match;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

await runTask(test, [KafkaUnavailable, ServerStartError]);
