import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../actors/serve.ts";
import { connect } from "../../bus/connect.ts";
import type { Bus } from "../../bus/bus.ts";
import type { Result } from "../../bus/result.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { readIfExists } from "../../models/read_url.ts";
import { listModels } from "../../models/registry.ts";
import { sampleFile } from "../../models/samples.ts";
import { quoted } from "../command_line.ts";
import { defineCommand, NO_OPERANDS, UsageError } from "../command.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { JSON_OPTION } from "../options.ts";
import { beside, drawPicture } from "../ui/picture.ts";
import { bold, columns, dim, fit, green, percent, print, red, terminalWidth, width } from "../ui/terminal.ts";

/** The whole way of an image, in one command. */
export const demo = defineCommand({
  name: "demo",
  summary: "Classify sample images on a temporary embedded bus",
  operands: NO_OPERANDS,
  options: JSON_OPTION,
  examples: [["imagebus demo", "classify the bundled test images of each model"]],
  permissions: ["read", "write"],
  async run({ values: { json } }) {
    const startedAt = performance.now();
    const samples = await findSamples();
    await using directory = await temporaryDirectory("demo");
    await using bus = await connect(`sqlite:${directory.path}/bus.db`);
    await using _service = await serve(bus);
    const shown = await Promise.all(samples.map((sample) => classify(bus, sample)));
    if (json) {
      for (const { file: _file, image: _image, picture: _picture, ...rest } of shown) {
        print(JSON.stringify(rest));
      }
    } else show(shown, performance.now() - startedAt);
    return 0;
  },
});

const MAX_SAMPLE_BYTES = 1_048_576;

/** A bundled test image. */
interface Sample {
  readonly model: string;
  readonly index: number;
  readonly file: URL;
  readonly image: Uint8Array;
}

interface Shown extends Sample {
  readonly result: Result;
  readonly picture: readonly string[];
}

async function findSamples(): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const entry of await listModels()) {
    if ("error" in entry) throw entry.error;
    for (const [index, label] of entry.manifest.labels.entries()) {
      const file = new URL(sampleFile(index, label), entry.folder);
      const image = await readIfExists(file, MAX_SAMPLE_BYTES);
      if (image !== undefined) samples.push({ model: entry.name, index, file, image });
    }
  }
  if (samples.length === 0) {
    throw new UsageError("Cannot run the demo: no model has sample images; expected a complete checkout");
  }
  return samples;
}

async function classify(bus: Bus, sample: Sample): Promise<Shown> {
  const { image } = sample;
  const result = await bus.classify(image, { model: sample.model, actual: String(sample.index) });
  return { ...sample, result, picture: drawPicture(decodeImage(image)) };
}

const GAP = 3;

function show(shown: readonly Shown[], ms: number): void {
  print(fit("Each image was sent to a bus and classified by the isolated Worker of its model.\n"));
  for (const [model, pictures] of Map.groupBy(shown, ({ model }) => model)) {
    print(columns([[bold(model), dim("unseen test images, the first of each class")]]) + "\n");
    const wide = Math.max(...pictures.map(({ picture }) => width(picture[0] ?? "")));
    const across = Math.max(1, Math.floor((terminalWidth() + GAP) / (wide + GAP)));
    const blocks = pictures.map((shown) => [...shown.picture, caption(shown), ""]);
    for (let i = 0; i < blocks.length; i += across) {
      print(beside(blocks.slice(i, i + across), wide, GAP).join("\n"));
    }
  }
  const correct = shown.filter(isCorrect).length;
  const seconds = (ms / 1000).toFixed(1);
  print(fit(`${correct} of ${shown.length} classified correctly in ${seconds} s, including startup.\n`));
  const { model, file } = shown.at(-1)!;
  print(`Next, in two terminals:\n${nextSteps(model, file).map((line) => `  ${bold(line)}`).join("\n")}`);
}

/** As this program was found: by URL, in a clone, or installed. */
function nextSteps(model: string, file: URL): [worker: string, send: string] {
  const program = new URL(Deno.mainModule);
  if (program.protocol !== "file:") {
    const run = `deno run -A --unstable-worker-options ${program.href}`;
    return [`${run} worker`, `curl -s ${file.href} | ${run} send --wait --model ${model} -`];
  }
  const path = relative(Deno.cwd(), fileURLToPath(file));
  const send = `send --wait --model ${model} ${quoted(path.startsWith("..") ? fileURLToPath(file) : path)}`;
  return relative(Deno.cwd(), fileURLToPath(program)) === "cli.ts"
    ? ["deno task worker", `deno run cli.ts ${send}`]
    : ["imagebus worker", `imagebus ${send}`];
}

function caption(shown: Shown): string {
  const { result } = shown;
  const outcome = result.status === "classified"
    ? `${result.unknown ? `unknown (${result.label})` : result.label}  ${percent(result.confidence)}`
    : result.error.code;
  return isCorrect(shown) ? green(`✓ ${outcome}`) : red(`✗ ${outcome}`);
}

function isCorrect({ result, index }: Shown): boolean {
  return result.status === "classified" && result.index === index;
}
