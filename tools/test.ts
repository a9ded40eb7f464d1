/**
 * Runs all tests, with a real Kafka: `deno task test [files] [flags of deno test]`.
 *
 * Uses the brokers in `KAFKA_BROKERS`; without it, starts one on the local Java. Where there is no Java the tests that
 * need it are skipped, which is a failure when `CI` is `true`. Tests on whole data sets find them in `IMAGEBUS_DATA`;
 * see tests/fixtures/data.ts. The last line says how many passed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { findTestData } from "../testing/data.ts";
import { type KafkaBroker, startKafka } from "../testing/brokers/kafka_broker.ts";
import { KafkaUnavailable } from "../testing/brokers/kafka_install.ts";

/** What the tests and the examples may do. */
const PERMISSIONS = [
  "--allow-read", // fixtures, models, databases in temporary folders
  "--allow-write", // databases in temporary folders
  "--allow-env", // KAFKA_BROKERS, IMAGEBUS_*, and what npm packages look up
  "--allow-net", // Kafka, PostgreSQL, and servers of their own on this machine
  "--allow-run", // consumers and workers that are to be killed, the command line, brokers of their own
  "--allow-sys", // memory and CPU of this process, the host's name
  "--allow-import", // modules served by a test, as users import them
];

/** Where tests and examples are. */
const EVERYTHING = ["tests", "mod.ts", "lib", "bus", "models", "training", "convert", "actors"];

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed[^|]*\| (\d+) failed(?:[^|]*\| (\d+) ignored)?/;
// deno-lint-ignore no-control-regex -- colours
const COLOUR = /\x1b\[[0-9;]*m/g;

interface Outcome {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

async function isPath(argument: string): Promise<boolean> {
  try {
    await Deno.stat(argument);
    return true;
  } catch {
    return false;
  }
}

async function startUnlessGiven(): Promise<KafkaBroker | null> {
  if (Deno.env.get("KAFKA_BROKERS")) return null;
  try {
    return await startKafka();
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error;
    console.error(`The tests with Kafka are skipped: ${error.message}`);
    if (Deno.env.get("CI") === "true") Deno.exit(1);
    return null;
  }
}

async function runTests(
  args: readonly string[],
  brokers: string | undefined,
  stop: AbortSignal,
): Promise<Outcome> {
  const hasPaths = (await Promise.all(args.map(isPath))).includes(true);
  const data = await findTestData();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", ...PERMISSIONS, ...args, ...hasPaths ? [] : EVERYTHING],
    env: {
      ...brokers !== undefined && { KAFKA_BROKERS: brokers },
      ...data !== undefined && { IMAGEBUS_DATA: fileURLToPath(data) },
    },
    stdout: "piped",
  }).spawn();
  const interrupt = () => child.kill("SIGTERM");
  if (stop.aborted) interrupt();
  stop.addEventListener("abort", interrupt);
  const counts = await passOn(child.stdout);
  const { code } = await child.status;
  stop.removeEventListener("abort", interrupt);
  return { code, ...counts };
}

/** Prints what the tests print, and reads the summary. Without one, e.g. when types are wrong, something has failed. */
async function passOn(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Omit<Outcome, "code">> {
  let counts = { passed: 0, failed: 1, skipped: 0 };
  let line = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    await write(text);
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    for (const whole of lines) counts = readSummary(whole) ?? counts;
  }
  return counts;
}

async function write(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}

function readSummary(line: string): Omit<Outcome, "code"> | undefined {
  const match = SUMMARY.exec(line.replace(COLOUR, ""));
  return match
    ? { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) }
    : undefined;
}

function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => controller.abort());
  }
  return controller.signal;
}

const stop = onInterrupt();
const kafka = await startUnlessGiven();
let outcome: Outcome;
try {
  outcome = await runTests(Deno.args, kafka?.brokers, stop);
} finally {
  await kafka?.stop();
}
console.log(`${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped`);
Deno.exit(stop.aborted ? 130 : outcome.code);
