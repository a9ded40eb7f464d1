import { listModels, type ModelEntry } from "../../../models/registry.ts";
import { modelSearch } from "../../models_directory.ts";
import { bold, columns, percent, print, red } from "../../ui/terminal.ts";
import type { ModelsArguments } from "./options.ts";

/** Lists the models that `imagebus worker` would serve. */
export async function list(args: ModelsArguments): Promise<number> {
  const entries = await listModels(await modelSearch(args));
  const failures = entries.flatMap((entry) =>
    "error" in entry ? [[entry.name, red(entry.error.message)]] : []
  );
  if (args.values.json) { for (const entry of entries) print(JSON.stringify(toObject(entry))); }
  else {
    print(columns([HEADER, ...entries.flatMap((entry) => "error" in entry ? [] : [toCells(entry)])]));
    if (failures.length > 0) print(columns(failures));
  }
  return failures.length > 0 ? 1 : 0;
}

const HEADER = ["model", "version", "classes", "input", "accuracy", "measured on", "kB"].map(bold);

function toCells({ manifest }: Extract<ModelEntry, { readonly manifest: unknown }>): string[] {
  const { name, version, labels, input, evaluation, weights } = manifest;
  return [
    name,
    version,
    String(labels.length),
    `${input.width}×${input.height} ${input.channels === 1 ? "grey" : "RGB"}`,
    evaluation ? percent(evaluation.accuracy, 2) : "-",
    evaluation?.data ?? "-",
    String(Math.round(weights.bytes / 1_000)),
  ];
}

function toObject(entry: ModelEntry) {
  const folder = entry.folder.href;
  if ("error" in entry) return { name: entry.name, folder, error: entry.error.message };
  return { ...entry.manifest, folder };
}
