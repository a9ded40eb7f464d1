/**
 * Writes what a model sees of photographs: the canonical form of each image file, as PNG, in the same class folders.
 *
 *     deno run --allow-read --allow-write tools/canonical_images.ts FORM FROM TO
 *
 * FORM is what `input.form` of a manifest can be; FROM is a folder as `evaluate --photos` takes it.
 *
 * @module
 */
import { FORM_NAMES, type FormName, FORMS } from "../models/image/canonical/forms.ts";
import { decodeImage, loadDecoders } from "../models/image/decode.ts";
import { encodePng } from "../models/image/encode_png.ts";
import { directoryUrl, readUrl } from "../models/read_url.ts";
import { listPhotographs } from "../training/datasets/photographs.ts";

const MAX_FILE_BYTES = 67_108_864;

/**
 * Writes the canonical forms of a folder.
 *
 * @param form Of the model.
 * @param from As for {@linkcode listPhotographs}.
 * @param to Gets a folder for each class; it need not exist.
 * @returns How many images were written.
 * @throws {ImageError} `not_an_image` and the other codes, for the first file that cannot be decoded.
 */
export async function writeCanonicalImages(form: FormName, from: URL, to: URL): Promise<number> {
  const photographs = await listPhotographs(from);
  for (const { url, name, class: folder } of photographs) {
    const bytes = await readUrl(url, MAX_FILE_BYTES);
    await loadDecoders([bytes]);
    const target = new URL(`${encodeURIComponent(folder)}/`, to);
    await Deno.mkdir(target, { recursive: true });
    const file = `${name.slice(name.indexOf("/") + 1)}.png`;
    await Deno.writeFile(
      new URL(encodeURIComponent(file), target),
      encodePng(FORMS[form](decodeImage(bytes))),
    );
  }
  return photographs.length;
}

if (import.meta.main) {
  const [form, from, to] = Deno.args;
  if (!FORM_NAMES.includes(form as FormName) || from === undefined || to === undefined) {
    console.error(`Usage: canonical_images.ts ${FORM_NAMES.join("|")} FROM TO`);
    Deno.exit(2);
  }
  const count = await writeCanonicalImages(form as FormName, directoryUrl(from), directoryUrl(to));
  console.log(`${count} images`);
}
