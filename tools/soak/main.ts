/**
 * `deno task soak`: sends many images through one worker process and watches its memory. Exits with 0 if
 * memory has not grown by more than is allowed after the first sixth of the images, else with 1.
 * docs/guarantees.md explains what that shows.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../../cli/command.ts";
import { interruption, runTask } from "../../cli/task.ts";
import { logError, print } from "../../cli/ui/terminal.ts";
import { flag } from "../../lib/options.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { writeWholeFile } from "../../models/model_folder.ts";
import { MODELS_OPTION, modelsOf } from "../models_option.ts";
import { progressBar } from "../progress.ts";
import { SOAK_OPTIONS } from "./options.ts";
import { drawMemory } from "./plot.ts";
import { formatReport, summary } from "./report.ts";
import { runSoak } from "./run.ts";

/** Before the run, which takes minutes. */
async function checkDirectory(plot: string): Promise<void> {
  const directory = dirname(plot);
  const info = await Deno.stat(directory).catch(() => null);
  if (!info?.isDirectory) throw new UsageError(`--plot is "${plot}": there is no directory ${directory}`);
}

await runTask({
  name: "soak",
  summary: "Send many images through one worker process and watch its memory",
  options: {
    ...SOAK_OPTIONS,
    ...MODELS_OPTION,
    plot: { type: "text", value: "FILE", text: "draw memory over the number of images, as SVG" },
    json: flag("print the report, with all samples, as one JSON object"),
  },
  examples: [
    ["deno task soak --plot memory.svg", "all shipped models on the embedded bus"],
    ["deno task soak --leak", "the negative control: has to fail"],
  ],
  async run({ values }) {
    const { json, plot, ...settings } = values;
    const models = modelsOf(values);
    if (plot !== undefined) await checkDirectory(plot);
    await using directory = await temporaryDirectory("soak");
    const show = progressBar("images", settings.messages);
    const report = await runSoak({
      ...{ ...settings, models, directory: directory.path },
      onProgress: ({ images, rssBytes }) => show(images, `${(rssBytes / 2 ** 20).toFixed(1)} MiB`),
      signal: interruption(),
    });
    if (Deno.stderr.isTerminal()) logError("");
    print(json ? JSON.stringify(report) : formatReport(report));
    if (plot !== undefined) {
      const svg = new TextEncoder().encode(drawMemory(report.samples, summary(report)));
      await writeWholeFile(pathToFileURL(resolve(plot)), svg, true);
    }
    return report.passed ? 0 : 1;
  },
});
