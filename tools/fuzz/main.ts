/**
 * `deno task fuzz`: sends damaged images of all formats to a service with isolated Workers, and counts what becomes of them.
 * Exits with 0 if each has a result and nothing but the images failed, else with 1.
 *
 * @module
 */
import { type Arguments, defineCommand, NO_OPERANDS, UsageError } from "../../cli/command.ts";
import { interruption, runTask } from "../../cli/task.ts";
import { Progress } from "../../cli/ui/progress.ts";
import { columns, logError, print, wrap } from "../../cli/ui/terminal.ts";
import { count, type OptionTable } from "../../lib/options.ts";
import { directoryUrl } from "../../models/read_url.ts";
import { SHIPPED_MODELS } from "../../models/registry.ts";
import { type Corpus, inputOf, readCorpus } from "./inputs.ts";
import { formatReport } from "./report.ts";
import { type FuzzReport, runFuzz } from "./run.ts";

const OPTIONS = {
  inputs: { ...count(100_000_000), default: 5_000, text: "number of inputs" },
  seed: { ...count(2 ** 31 - 1, 0), default: 1, text: "random seed: equal seeds give equal inputs" },
  models: {
    type: "texts",
    commas: true,
    otherwise: "all shipped models",
    value: "A,B",
    text: "models that inputs are sent to, in turn",
  },
  images: {
    type: "texts",
    value: "DIR",
    text: "directory with more images to make inputs of; repeat it for several",
  },
  keep: {
    type: "text",
    value: "DIR",
    otherwise: "a temporary directory",
    text: "where inputs are kept that can have ended a Worker",
  },
  json: { type: "flag", default: false, text: "print the report as one JSON object" },
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

const fuzz = defineCommand({
  program: "deno task",
  name: "fuzz",
  summary: "Send damaged images of all formats to a service and count what becomes of them",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["deno task fuzz --inputs 200000 --seed 2", "a long run"],
    ["deno task fuzz --images ./photos --keep ./kept", "made of images of your own, too"],
  ],
  permissions: [],
  run,
});

async function run({ values }: Args): Promise<number> {
  const { json, inputs, seed, models = SHIPPED_MODELS } = values;
  const unknown = models.find((name) => !SHIPPED_MODELS.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--models has "${unknown}": expected ${SHIPPED_MODELS.join(", ")}`);
  }
  const corpus = await readCorpus((values.images ?? []).map(directoryUrl));
  const directory = await Deno.makeTempDir({ prefix: "imagebus-fuzz-" });
  try {
    const onProgress = progress(inputs);
    const options = { corpus, inputs, seed, models, directory, onProgress };
    const report = await runFuzz({ ...options, signal: interruption() });
    if (Deno.stderr.isTerminal()) logError("");
    const kept = await keep(report, corpus, values.keep);
    print(json ? JSON.stringify({ ...report, kept }) : formatReport(report, kept, { columns, wrap }));
    return report.passed ? 0 : 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

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

const TENTH = 10;

/** A bar on a terminal; elsewhere a line per tenth. */
function progress(inputs: number): (answered: number) => void {
  const bar = new Progress("inputs", inputs);
  let tenths = 0;
  return (answered) => {
    bar.show(answered);
    const reached = Math.floor(TENTH * answered / inputs);
    if (Deno.stderr.isTerminal() || reached === tenths) return;
    tenths = reached;
    logError(`${answered} of ${inputs}`);
  };
}

await runTask(fuzz);
