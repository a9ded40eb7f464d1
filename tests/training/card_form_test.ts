import { assertStringIncludes } from "../../testing/assert.ts";
import { loadModels, SHIPPED_MODELS } from "../../models/registry.ts";
import { formText } from "../../training/card_form.ts";

Deno.test("the card of each shipped model describes its canonical form", async () => {
  for (const { manifest } of await loadModels({ names: SHIPPED_MODELS })) {
    const card = await Deno.readTextFile(new URL(`../../models/${manifest.name}/card.md`, import.meta.url));
    assertStringIncludes(card, `## Canonical form\n\n${formText(manifest.input)}\n`);
  }
});

Deno.test("the card of a model without a form describes that images are resized", () => {
  const input = { width: 30, height: 20, channels: 3, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  assertStringIncludes(formText(input), "resized to 30×20");
});
