import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { readUrl } from "../../models/read_url.ts";
import type { FormName } from "../../models/image/canonical/forms.ts";
import { type ClassMapping, resolveClass } from "./class_mapping.ts";
import { type DataSet, imageAt, labelArray } from "./data_set.ts";
import { FormWriter } from "./form.ts";
import { listPhotographs } from "./photographs.ts";

/** Images that are trained on beside those of the data set. */
export interface ExtraImages {
  /** As for {@linkcode listPhotographs}. */
  readonly folder: URL;
  /** Classes that are not called as the labels are; images of those without a label are left out. */
  readonly mapping?: ClassMapping;
}

/**
 * Decides between several labels that can be right for an image.
 *
 * @param image In the form of the data set.
 * @param labels At least two.
 * @returns One of them.
 */
export type ChooseLabel = (image: Uint8Array, labels: readonly number[]) => number;

const MAX_FILE_BYTES = 67_108_864;

/**
 * Reads extra images as a model sees them.
 *
 * @param extra Where they are.
 * @param data The data set whose form and classes they get.
 * @param procedure The model's `input.form`. @default plain resizing
 * @param choose For classes with several labels. @default {their images are left out}
 * @throws {ModelError} `invalid`: a class that is neither in the mapping nor a label; `not_found`; `denied`.
 * @throws {ImageError} A file that cannot be decoded.
 */
export async function readExtraImages(
  { folder, mapping = new Map() }: ExtraImages,
  data: DataSet,
  procedure?: FormName,
  choose?: ChooseLabel,
): Promise<DataSet> {
  const listed = (await listPhotographs(folder))
    .map(({ url, class: name }) => ({ url, labels: resolveClass(name, data.classes, mapping) }))
    .filter(({ labels }) => labels.length === 1 || choose !== undefined && labels.length > 1);
  const size = data.width * data.height * data.channels;
  const pixels = new Uint8Array(listed.length * size);
  const writer = new FormWriter(data, procedure);
  for (const [i, { url }] of listed.entries()) {
    const bytes = await readUrl(url, MAX_FILE_BYTES);
    await loadDecoders([bytes]);
    writer.write(decodeImage(bytes), pixels.subarray(i * size, (i + 1) * size));
  }
  const title = decodeURIComponent(folder.pathname.split("/").slice(-3, -1).join("/"));
  const labels = labelArray(listed.length, data.classes.length);
  const seen = { ...data, title, count: listed.length, pixels, labels };
  labels.set(
    listed.map(({ labels: possible }, i) =>
      possible.length > 1 ? choose!(imageAt(seen, i), possible) : possible[0]!
    ),
  );
  return seen;
}
