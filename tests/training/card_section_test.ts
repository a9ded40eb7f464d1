import { assertEquals } from "../../testing/assert.ts";
import { replaceSection } from "../../training/card_section.ts";

const CARD = "# mnist\n\n## Use\n\nDigits.\n\n## Limits\n\nNo letters.\n";
const WITH = "# mnist\n\n## Use\n\nDigits.\n\n## Speed\n\nFast.\n\n## Limits\n\nNo letters.\n";

Deno.test("card: a section is added before the limits, and replaced where it is", () => {
  assertEquals(replaceSection(CARD, "Speed", "Fast."), WITH);
  assertEquals(replaceSection(WITH, "Speed", "Faster."), WITH.replace("Fast.", "Faster."));
  assertEquals(replaceSection(WITH, "Limits", "None."), WITH.replace("No letters.", "None."));
});

Deno.test("card: a section is added at the end where a card has no limits", () => {
  assertEquals(replaceSection("# mnist\n", "Speed", "Fast."), "# mnist\n\n## Speed\n\nFast.\n");
});
