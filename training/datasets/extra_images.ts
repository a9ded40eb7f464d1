import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { readUrl } from "../../models/read_url.ts";
import type { FormName } from "../../models/image/canonical/forms.ts";
import { type ClassMapping, resolveClass } from "./class_mapping.ts";
import { type DataSet, labelArray } from "./data_set.ts";
import { FormWriter } from "./form.ts";
import { listPhotographs } from "./photographs.ts";

/** Images that are trained on beside those of the data set. */
export interface ExtraImages {
  /** As for {@linkcode listPhotographs}. */
  readonly folder: URL;
  /** Classes that are not called as the labels are; images of those that have not exactly one label are left out. */
  readonly mapping?: ClassMapping;
}

const MAX_FILE_BYTES = 67_108_864;

/**
 * Reads extra images as a model sees them.
 *
 * @param extra Where they are.
 * @param data The data set whose form and classes they get.
 * @param procedure The model's `input.form`. @default plain resizing
 * @throws {ModelError} `invalid`: a class that is neither in the mapping nor a label; `not_found`; `denied`.
 * @throws {ImageError} A file that cannot be decoded.
 */
export async function readExtraImages(
  { folder, mapping = new Map() }: ExtraImages,
  data: DataSet,
  procedure?: FormName,
): Promise<DataSet> {
  const listed = (await listPhotographs(folder))
    .map(({ url, class: name }) => ({ url, labels: resolveClass(name, data.classes, mapping) }))
    .filter(({ labels }) => labels.length === 1);
  const size = data.width * data.height * data.channels;
  const pixels = new Uint8Array(listed.length * size);
  const writer = new FormWriter(data, procedure);
  for (const [i, { url }] of listed.entries()) {
    const bytes = await readUrl(url, MAX_FILE_BYTES);
    await loadDecoders([bytes]);
    writer.write(decodeImage(bytes), pixels.subarray(i * size, (i + 1) * size));
  }
  const labels = labelArray(listed.length, data.classes.length);
  labels.set(listed.map((each) => each.labels[0]!));
  const title = decodeURIComponent(folder.pathname.split("/").slice(-3, -1).join("/"));
  return { ...data, title, count: listed.length, pixels, labels };
}
