import type { ModelFiles } from "../../models/classifier.ts";
import { writeModelFolder } from "../../models/model_folder.ts";
import { directoryUrl, showUrl } from "../../models/read_url.ts";
import { loadModels } from "../../models/registry.ts";
import { writeServing } from "../../models/serving.ts";

/** The model that all images are sent to. */
export const MODEL = "mnist";

/** Sound versions, and what multiplies the temperature of each: labels are the same, confidences are not. */
const TEMPERATURES = new Map([["1.0.1", 1], ["1.0.2", 8]]);
const BROKEN = "1.0.3";

/** The sound versions. */
export async function soundVersions(): Promise<ModelFiles[]> {
  const [files] = await loadModels({ names: [MODEL] });
  const { manifest } = files!;
  const temperature = manifest.temperature ?? 1;
  return [...TEMPERATURES].map(([version, factor]) => ({
    ...files!,
    manifest: { ...manifest, version, temperature: temperature * factor },
  }));
}

/** The versions of a run, on disk: every third that is to be served is broken, and has to be refused. */
export class ChosenVersions {
  readonly #folder: URL;
  #count = 0;
  #sound = 0;

  private constructor(folder: URL) {
    this.#folder = folder;
  }

  /** Writes the versions into a directory of models, and chooses the first. */
  static async write(directory: string): Promise<ChosenVersions> {
    const folder = directoryUrl(`${directory}/${MODEL}`);
    const models = await soundVersions();
    const broken = { ...models[0]!, manifest: { ...models[0]!.manifest, version: BROKEN } };
    for (const files of [...models, broken]) {
      const others = files.scorerWeights && files.manifest.unknown?.score === "features"
        ? { others: new Map([[files.manifest.unknown.weights.file, files.scorerWeights]]) }
        : {};
      await writeModelFolder(folder, { ...files, card: "", ...others }, { folder: files.manifest.version });
    }
    await Deno.truncate(showUrl(new URL(`${BROKEN}/${broken.manifest.weights.file}`, folder)), 1_000);
    const versions = new ChosenVersions(folder);
    await versions.#choose();
    return versions;
  }

  /** Chooses the next version. */
  next(): Promise<void> {
    this.#count++;
    if (this.#count % 3 !== 0) this.#sound++;
    return this.#choose();
  }

  #choose(): Promise<void> {
    const sound = [...TEMPERATURES.keys()][this.#sound % TEMPERATURES.size]!;
    const serve = this.#count > 0 && this.#count % 3 === 0 ? BROKEN : sound;
    return writeServing(this.#folder, { format: 1, serve, previous: sound });
  }
}
