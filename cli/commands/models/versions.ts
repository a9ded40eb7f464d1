import { listVersions, type ModelEntry, versionOf } from "../../../models/registry.ts";
import type { Serving } from "../../../models/serving.ts";
import { showUrl } from "../../../models/read_url.ts";
import { modelSearch } from "../../models_directory.ts";
import { bold, columns, percent, print, red } from "../../ui/terminal.ts";
import type { ModelsArguments } from "./options.ts";
import { servedVersion } from "./serve.ts";

/** Lists the versions of a model, and what each is used for. */
export async function versions(args: ModelsArguments): Promise<number> {
  const [name = ""] = args.operands;
  const search = await modelSearch(args);
  const { entries, serving } = await listVersions(name, search);
  const served: Serving = serving ?? { format: 1, serve: await servedVersion(name, search) };
  const rows = entries.map((entry) => ({ entry, use: useOf(versionOf(entry), served) }));
  if (args.values.json) { for (const row of rows) print(JSON.stringify(toObject(row))); }
  else print(columns([HEADER.map(bold), ...rows.map(toCells)]));
  return entries.some((entry) => "error" in entry) ? 1 : 0;
}

interface Row {
  readonly entry: ModelEntry;
  readonly use: string;
}

function useOf(version: string | undefined, { serve, canary, shadow, previous }: Serving): string {
  if (version === serve) return "served";
  if (canary !== undefined && version === canary.version) return `canary ${canary.percent} %`;
  if (version === shadow) return "shadow";
  return version === previous ? "previous" : "";
}

const HEADER = ["version", "use", "precision", "accuracy", "measured on", "folder"];

function toCells({ entry, use }: Row): string[] {
  const { evaluation = undefined, precision = "float32" } = "manifest" in entry
    ? entry.manifest
    : { precision: "-" };
  return [
    versionOf(entry) ?? "-",
    use,
    precision,
    evaluation ? percent(evaluation.accuracy, 2) : "-",
    "error" in entry ? red(entry.error.message) : evaluation?.data ?? "-",
    showUrl(entry.folder),
  ];
}

function toObject({ entry, use }: Row) {
  const about = { name: entry.name, version: versionOf(entry) ?? null, use, folder: entry.folder.href };
  if ("error" in entry) return { ...about, error: entry.error.message };
  const { precision = "float32", evaluation = null } = entry.manifest;
  return { ...about, precision, evaluation };
}
