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
import { flag } from "../lib/options.ts";
import { type KafkaBroker, startKafka, startKafkaIfInstalled } from "../testing/brokers/kafka_broker.ts";
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

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed[^|\n]*\| (\d+) failed(?:[^|\n]*\| (\d+) ignored)?/gm;

/** A machine that is set up for CI must have Java. */
async function startUnlessGiven(): Promise<KafkaBroker | null> {
  if (Deno.env.get("KAFKA_BROKERS")) return null;
  if (Deno.env.get("CI") === "true") return await startKafka();
  return await startKafkaIfInstalled((reason) => logError(`The tests with Kafka are skipped. ${reason}`));
}

/** The exit code of `deno test`, and the numbers of its tests. */
async function runTests(args: readonly string[], brokers: string | undefined, stop: AbortSignal) {
  const hasPaths = args.some((arg) => existsSync(arg));
  const data = await findTestData();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", ...PERMISSIONS, ...args, ...hasPaths ? [] : EVERYTHING],
    env: defined({ KAFKA_BROKERS: brokers, IMAGEBUS_DATA: data && fileURLToPath(data) }),
    stdout: "piped",
    signal: stop,
  }).spawn();
  const summary = await forward(child.stdout);
  return { code: (await child.status).code, summary };
}

/**
 * Prints the output of the tests, and reads its summary. Without one, for example after a type error, one
 * test has failed.
 */
async function forward(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const [shown, copy] = output.tee();
  const reading = new Response(copy).text();
  await shown.pipeTo(Deno.stdout.writable, { preventClose: true });
  const [, passed = 0, failed = 1, skipped = 0] =
    [...stripVTControlCharacters(await reading).matchAll(SUMMARY)].at(-1) ?? [];
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

await runTask({
  name: "test",
  summary: "Run the tests, with a real Kafka on this machine's Java or in KAFKA_BROKERS",
  operands: { form: "[FILE…] [-- FLAG…]", min: 0, max: Infinity },
  options: {
    filter: { type: "text", value: "TEXT", text: "only tests with TEXT in their name, or matching /TEXT/" },
    failFast: flag("stop after the first failure"),
    noCheck: flag("do not check types first"),
  },
  examples: [
    ["deno task test", "all tests, and the examples in the documentation"],
    ["deno task test tests/bus --filter replies", "some tests"],
    ["deno task test -- --shuffle --trace-leaks", "with other flags of deno test"],
  ],
  async run({ operands, values: { filter, failFast, noCheck } }) {
    const stop = interruption();
    await using kafka = await startUnlessGiven();
    const flags = [
      ...filter === undefined ? [] : [`--filter=${filter}`],
      ...failFast ? ["--fail-fast"] : [],
      ...noCheck ? ["--no-check"] : [],
    ];
    const { code, summary } = await runTests([...flags, ...operands], kafka?.brokers, stop);
    print(summary);
    stop.throwIfAborted();
    return code;
  },
});
