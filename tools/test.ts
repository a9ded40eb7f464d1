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
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { interruption, runTask } from "../cli/task.ts";
import { logError, print } from "../cli/ui/terminal.ts";
import { defined } from "../lib/defined.ts";
import { mapConcurrent } from "../lib/map_concurrent.ts";
import { count, flag } from "../lib/options.ts";
import { type KafkaBroker, startKafka, startKafkaIfInstalled } from "../testing/brokers/kafka_broker.ts";
import { KAFKA_VERSIONS } from "../testing/brokers/kafka_install.ts";
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

/** Folders whose tests take minutes, the slowest first, so that the last parts end at nearly the same time. */
const SLOW = ["tests/bus", "tests/actors", "tests/cli"];

/** Where examples in documentation are. */
const SOURCES = ["mod.ts", "lib", "bus", "models", "training", "convert", "actors"];

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed[^|\n]*\| (\d+) failed(?:[^|\n]*\| (\d+) ignored)?/gm;

/** A heading of Deno, and the names and places of what failed. */
const FAILURES = /^ FAILURES \n\n([\s\S]*?)\n\n/gm;

/** What a run of `deno test` came to. */
interface Outcome {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** A line for each test that failed. */
  readonly failures: string;
}

/** A machine that is set up for CI must have Java. */
async function startUnlessGiven(): Promise<KafkaBroker | null> {
  if (Deno.env.get("KAFKA_BROKERS")) return null;
  if (Deno.env.get("CI") === "true") return await startKafka();
  return await startKafkaIfInstalled((reason) => logError(`The tests with Kafka are skipped. ${reason}`));
}

/** The tests in parts, each for a process and a broker of its own, so that they do not disturb each other. */
function allParts(): string[][] {
  const all = [...Deno.readDirSync("tests")].map(({ name }) => `tests/${name}`).filter(holdsTests);
  const others = all.filter((path) => !SLOW.includes(path)).sort();
  return [[...others, ...SOURCES], ...SLOW.map((path) => [path])];
}

function holdsTests(path: string): boolean {
  return path.endsWith("_test.ts") || !/fixtures|\./.test(path);
}

/**
 * Runs `deno test`.
 *
 * @param show Receives what it prints, which is kept until it is read.
 */
async function runPart(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  show: (output: ReadableStream<Uint8Array>) => void,
): Promise<Outcome> {
  await using kafka = await startUnlessGiven();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--lock=development.lock", ...PERMISSIONS, ...args],
    env: defined({ ...env, KAFKA_BROKERS: kafka?.brokers }),
    stdout: "piped",
    signal,
  }).spawn();
  const [shown, copy] = child.stdout.tee();
  show(shown);
  const [{ code }, text] = await Promise.all([child.status, new Response(copy).text()]);
  return outcomeOf(code, stripVTControlCharacters(text));
}

/** Without a summary, for example after a type error, one test has failed. */
function outcomeOf(code: number, text: string): Outcome {
  const [, passed = 0, failed = 1, skipped = 0] =
    [...text.matchAll(SUMMARY)].at(-1)?.map((digits) => Number(digits ?? 0)) ??
      [];
  const failures = [...text.matchAll(FAILURES)].map(([, names]) => names).join("\n");
  return { code, passed, failed, skipped, failures };
}

/** Runs parts, some at the same time, and prints the output of one after the other. */
async function runParts(
  parts: readonly (readonly string[])[],
  jobs: number,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Outcome[]> {
  let printed = Promise.resolve();
  const show = (output: ReadableStream<Uint8Array>) => {
    printed = printed.then(() => output.pipeTo(Deno.stdout.writable, { preventClose: true }));
  };
  const outcomes = await mapConcurrent(parts, jobs, (args) => runPart(args, env, signal, show));
  await printed;
  return outcomes;
}

function total(outcomes: readonly Outcome[], of: "passed" | "failed" | "skipped"): string {
  return `${outcomes.reduce((sum, outcome) => sum + outcome[of], 0)} ${of}`;
}

await runTask({
  name: "test",
  summary: "Run the tests, with a real Kafka on this machine's Java or in KAFKA_BROKERS",
  operands: { form: "[FILE…] [-- FLAG…]", min: 0, max: Infinity },
  options: {
    filter: { type: "text", value: "TEXT", text: "only tests with TEXT in their name, or matching /TEXT/" },
    failFast: flag("stop each part after its first failure"),
    noCheck: flag("do not check types first"),
    kafka: {
      type: "choice",
      values: KAFKA_VERSIONS,
      default: KAFKA_VERSIONS[0],
      text: "version of the Kafka that is started",
    },
    jobs: { ...count(16), default: 2, text: "number of parts that run at the same time" },
  },
  examples: [
    ["deno task test", "all tests, and the examples in the documentation"],
    ["deno task test tests/bus --filter replies", "some tests, in one part"],
    ["deno task test tests/bus --kafka 3.9.1", "with an older Kafka"],
    ["deno task test -- --shuffle --trace-leaks", "with other flags of deno test"],
  ],
  async run({ operands, values: { filter, failFast, noCheck, kafka: version, jobs } }) {
    const stop = interruption();
    // Also for the tests that start brokers themselves.
    Deno.env.set("KAFKA_VERSION", version);
    const flags = [
      ...filter === undefined ? [] : [`--filter=${filter}`],
      ...failFast ? ["--fail-fast"] : [],
      ...noCheck ? ["--no-check"] : [],
      ...operands,
    ];
    const parts = operands.some((operand) => existsSync(operand)) ? [[]] : allParts();
    const data = await findTestData();
    const env = defined({ IMAGEBUS_DATA: data && fileURLToPath(data) });
    // Workers of one part would answer the requests of another on a broker that they share.
    const most = Deno.env.get("KAFKA_BROKERS") ? 1 : jobs;
    const outcomes = await runParts(parts.map((paths) => [...flags, ...paths]), most, env, stop);
    stop.throwIfAborted();
    const failures = outcomes.map(({ failures }) => failures).filter(Boolean);
    if (parts.length > 1 && failures.length > 0) print(`\n${failures.join("\n")}\n`);
    print(`${total(outcomes, "passed")}, ${total(outcomes, "failed")}, ${total(outcomes, "skipped")}`);
    return Math.max(...outcomes.map(({ code }) => code));
  },
});
