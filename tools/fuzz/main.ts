/**
 * `deno task fuzz`: sends damaged images of all formats to a service with isolated Workers, and counts what becomes of them.
 * Exits with 0 if each has a result and nothing but the images failed, else with 1.
 *
 * @module
 */
import { interruption, runTask } from "../../cli/task.ts";
import { logError, print } from "../../cli/ui/terminal.ts";
import { count, flag } from "../../lib/options.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { directoryUrl } from "../../models/read_url.ts";
import { MODELS_OPTION, modelsOf } from "../models_option.ts";
import { progressBar } from "../progress.ts";
import { type Corpus, inputOf, readCorpus } from "./inputs.ts";
import { formatReport } from "./report.ts";
import { type FuzzReport, runFuzz } from "./run.ts";

/**
 * Writes the inputs that can have ended a Worker or were lost, each with its reason.
 *
 * @returns Where; `null` if there are none.
 */
async function keep(
  { seed, suspects, lost }: FuzzReport,
  corpus: Corpus,
  to: string | undefined,
): Promise<string | null> {
  const inputs = [...suspects, ...lost.map((number) => ({ number, reason: "no outcome" }))];
  if (inputs.length === 0) return null;
  const directory = to ?? await Deno.makeTempDir({ prefix: "imagebus-fuzz-kept-" });
  await Deno.mkdir(directory, { recursive: true });
  for (const { number } of inputs) {
    await Deno.writeFile(`${directory}/seed-${seed}-input-${number}`, inputOf(corpus, seed, number));
  }
  const reasons = inputs.map(({ number, reason }) => `seed ${seed}, input ${number}: ${reason}\n`);
  await Deno.writeTextFile(`${directory}/reasons.txt`, reasons.join(""), { append: true });
  return directory;
}

await runTask({
  name: "fuzz",
  summary: "Send damaged images of all formats to a service and count what becomes of them",
  options: {
    inputs: { ...count(100_000_000), default: 5_000, text: "number of inputs" },
    seed: { ...count(2 ** 31 - 1, 0), default: 1, text: "random seed: equal seeds give equal inputs" },
    ...MODELS_OPTION,
    images: {
      type: "texts",
      value: "DIR",
      text: "directory with more images to make inputs of; repeat it for several",
    },
    keep: {
      type: "text",
      value: "DIR",
      otherwise: "a temporary directory",
      text: "directory for the inputs that can have ended a Worker",
    },
    json: flag("print the report as one JSON object"),
  },
  examples: [
    ["deno task fuzz --inputs 200000 --seed 2", "a long run"],
    ["deno task fuzz --images ./photos --keep ./kept", "made of images of your own, too"],
  ],
  async run({ values }) {
    const { json, inputs, seed } = values;
    const models = modelsOf(values);
    const corpus = await readCorpus((values.images ?? []).map(directoryUrl));
    await using directory = await temporaryDirectory("fuzz");
    const signal = interruption();
    const report = await runFuzz({
      ...{ corpus, inputs, seed, models, directory: directory.path, signal },
      onProgress: progressBar("inputs", inputs),
    });
    if (Deno.stderr.isTerminal()) logError("");
    const kept = await keep(report, corpus, values.keep);
    print(json ? JSON.stringify({ ...report, kept }) : formatReport(report, kept));
    signal.throwIfAborted();
    return report.passed ? 0 : 1;
  },
});
