import type { ImageErrorCode } from "../../models/errors.ts";
import { ImageError } from "../../models/errors.ts";
import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { poisoned } from "../../tools/chaos/poison.ts";
import { type Corpus, inputOf, readCorpus } from "../../tools/fuzz/inputs.ts";
import { formatOf, outlineOf } from "../../tools/fuzz/outline.ts";
import { formatReport } from "../../tools/fuzz/report.ts";
import { type FuzzOptions, type FuzzReport, runFuzz } from "../../tools/fuzz/run.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";

const corpus = await readCorpus();
const MAX_BYTES = 2 ** 17;

function inputs(seed: number, count: number, of: Corpus = corpus): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, number) => inputOf(of, seed, number));
}

async function outcomeOf(input: Uint8Array): Promise<ImageErrorCode | "pixels"> {
  await loadDecoders([input]);
  try {
    decodeImage(input);
    return "pixels";
  } catch (error) {
    assert(error instanceof ImageError, String(error));
    return error.code;
  }
}

Deno.test("fuzz: an input depends on the seed and its number alone", () => {
  const first = inputs(1, 300);
  assertEquals(first, inputs(1, 300));
  assertEquals(inputOf(corpus, 1, 299), first[299]);
  const others = inputs(2, 300);
  const same = first.filter((input, i) => input.toHex() === others[i]!.toHex());
  assert(same.length < 30, `${same.length} are the same with another seed`);
  assert(first.every(({ length }) => length <= MAX_BYTES));
});

Deno.test("fuzz: inputs are made of all formats; some are decoded, the others refused for many reasons", async () => {
  const formats = corpus.map((files) => formatOf(files[0]!));
  assertEquals(formats.filter((name) => name !== "none").length, 10);
  const outcomes = await Promise.all(
    inputs(3, 600).map(async (input) => ({
      format: formatOf(input),
      outcome: await outcomeOf(input),
    })),
  );
  const decoded = outcomes.filter(({ outcome }) => outcome === "pixels");
  assert(decoded.length > 60 && decoded.length < 300, `${decoded.length} of 600 are decoded`);
  assertEquals(new Set(decoded.map(({ format }) => format)).size, 10);
  assert(new Set(outcomes.map(({ outcome }) => outcome)).size >= 5);
});

Deno.test("fuzz: the outline of a file has its numbers and parts, in every format that has any", () => {
  for (const file of corpus.map((files) => files[0]!)) {
    if (formatOf(file) === "none") continue;
    const { numbers, parts } = outlineOf(file);
    const format = formatOf(file);
    assert(format === "PNM" ? numbers.length === 0 : numbers.length >= 3 && parts.length >= 1, format);
    assert(parts.every(({ start, end }) => start >= 0 && start < end && end <= file.length), format);
  }
  const [{ at, bytes, little }] = outlineOf(SEVEN.png).numbers as [never];
  assertEquals([at, bytes, little], [8, 4, false]);
});

async function fuzz(options: Partial<FuzzOptions>): Promise<FuzzReport> {
  await using directory = await temporaryDirectory("fuzz-test");
  return await runFuzz({
    corpus,
    inputs: 300,
    seed: 4,
    models: ["mnist"],
    directory: directory.path,
    ...options,
  });
}

function formatted(report: FuzzReport, kept: string | null): string {
  const text = formatReport(report, kept);
  for (const line of text.split("\n")) assert(line.length <= 80, line);
  return text;
}

Deno.test("fuzz: every input has an outcome, and nothing but images fails", async () => {
  const report = await fuzz({});
  const failed = Object.values(report.deadLetters).reduce((a, b) => a + b);
  assertEquals(report.classified + failed, 300);
  assert(report.classified > 30 && failed > 100, JSON.stringify(report));
  assertEquals([report.lost, report.coordinatorErrors, report.suspects], [[], [], []]);
  assert(report.passed && report.peakRssBytes > 2 ** 26);
  const text = formatted(report, null);
  assertStringIncludes(text, "300 inputs of seed 4, made of");
  assertMatch(text, /\ndamaged +\d+ +\d+\.\d %\n[^]*coordinator errors 0, lost 0: passed$/);
});

Deno.test("fuzz: an input that costs a Worker is found in its batch and named with the reason", async () => {
  const files: Corpus = [[SEVEN.png, SEVEN.png, SEVEN.png, poisoned(SEVEN.png)]];
  const worker = new URL("../fixtures/stuck_decoder_worker.ts", import.meta.url);
  const report = await fuzz({ corpus: files, inputs: 16, worker, service: { maxDecodeMs: 100 } });
  assert(report.passed && report.suspects.length > 0, JSON.stringify(report));
  assertEquals(report.deadLetters["over_limit"], report.suspects.length);
  assertEquals([report.replacements, report.restarts], [report.suspects.length, 0]);
  for (const { number, reason } of report.suspects) {
    assertEquals(inputOf(files, 4, number).slice(-6), new TextEncoder().encode("poison"));
    assertMatch(reason, /took longer than 100 ms to decode an image/);
  }
  assertStringIncludes(formatted(report, "/kept"), "These inputs are in /kept");
});

Deno.test("fuzz: a run that is interrupted reports the inputs that had an outcome by then", async () => {
  const controller = new AbortController();
  const onProgress = (answered: number) => answered >= 20 && controller.abort();
  const report = await fuzz({ inputs: 100_000, onProgress, signal: controller.signal });
  const failed = Object.values(report.deadLetters).reduce((a, b) => a + b);
  assertEquals(report.inputs, report.classified + failed);
  assert(report.passed && report.inputs >= 20 && report.inputs < 10_000, JSON.stringify(report));
  assertEquals([report.coordinatorErrors, report.restarts], [[], 0], "its end is no fault");
});

Deno.test("fuzz: a run with lost inputs or errors of the coordinator has failed, and lists them", async () => {
  const report = await fuzz({ inputs: 1 });
  const lost = formatted({ ...report, lost: [17, 19], passed: false }, "/kept");
  assertMatch(lost, /\nlost: 17, 19\n[^]*coordinator errors 0, lost 2: FAILED$/);
  const errors = [`The worker process ended unexpectedly with ${"SIGKILL ".repeat(20)}`];
  assertStringIncludes(formatted({ ...report, coordinatorErrors: errors, passed: false }, null), "errors 1,");
});
