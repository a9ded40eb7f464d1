/**
 * `deno task canonical-images FORM FROM TO` writes what a model sees of photographs: the canonical form of each image file,
 * as PNG, in the same class folders.
 *
 * FORM is what `input.form` of a manifest can be; FROM is a folder as `evaluate --photos` takes it.
 *
 * @module
 */
import { UsageError } from "../cli/command.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { didYouMean } from "../lib/suggestion.ts";
import { FORM_NAMES, FORMS } from "../models/image/canonical/forms.ts";
import { decodeImage, loadDecoders } from "../models/image/decode.ts";
import { encodePng } from "../models/image/encode_png.ts";
import { directoryUrl, readUrl } from "../models/read_url.ts";
import { listPhotographs } from "../training/datasets/photographs.ts";

const MAX_FILE_BYTES = 67_108_864;

await runTask({
  name: "canonical-images",
  summary: "Write the canonical form of each image file as PNG, in the same class folders",
  operands: { form: `${FORM_NAMES.join("|")} FROM TO`, min: 3, max: 3 },
  options: {},
  examples: [
    [
      "deno task canonical-images garment ./shop ./seen",
      "what fashion-mnist sees of the photographs in ./shop",
    ],
  ],
  async run({ operands: [name = "", from = "", to = ""] }) {
    const form = FORM_NAMES.find((known) => known === name);
    if (form === undefined) throw new UsageError(`Unknown form "${name}"${didYouMean(name, FORM_NAMES)}`);
    const photographs = await listPhotographs(directoryUrl(from));
    for (const { url, name, class: folder } of photographs) {
      const bytes = await readUrl(url, MAX_FILE_BYTES);
      await loadDecoders([bytes]);
      const target = new URL(`${encodeURIComponent(folder)}/`, directoryUrl(to));
      await Deno.mkdir(target, { recursive: true });
      const file = encodeURIComponent(`${name.slice(name.indexOf("/") + 1)}.png`);
      await Deno.writeFile(new URL(file, target), encodePng(FORMS[form](decodeImage(bytes))));
    }
    print(`${photographs.length} images`);
    return 0;
  },
});
