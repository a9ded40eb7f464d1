import { ModelError } from "../../models/errors.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";
import { parseClassMapping, resolveClass } from "../../training/datasets/class_mapping.ts";
import { listPhotographs } from "../../training/datasets/photographs.ts";
import { directoryUrl } from "../../models/read_url.ts";

const LABELS = ["T-shirt/top", "Ankle boot", "7"];

Deno.test("photographs: the class is the folder, else the number or word the name begins with", async () => {
  const path = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${path}/a hat#1`);
    for (const name of ["a hat#1/x.jpg", "7_scan.png", "9-boot.png", "cat_01.jpg", "dog.png", ".hidden"]) {
      await Deno.writeTextFile(`${path}/${name}`, "");
    }
    const listed = await listPhotographs(directoryUrl(path));
    assertEquals(listed.map(({ name, class: own }) => `${name}: ${own}`), [
      "7_scan.png: 7",
      "9-boot.png: 9",
      "cat_01.jpg: cat",
      "dog.png: dog",
      "a hat#1/x.jpg: a hat#1",
    ]);
    for (const { url } of listed) assertEquals(await Deno.readTextFile(url), "");
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("classes: a class is a label, whatever its capitals and punctuation, or the position of one", () => {
  const find = (name: string) => resolveClass(name, LABELS, new Map());
  assertEquals(find("T-shirt/top"), [0]);
  assertEquals(find("t-shirt-top"), [0]);
  assertEquals(find("ankle_boot"), [1]);
  assertEquals(find("1"), [1]);
  // A label that is a number is meant before a position.
  assertEquals(find("7"), [2]);
});

Deno.test("classes: the mapping takes precedence, with several labels or none", () => {
  const text = '{ "shoes": ["Ankle boot", "7"], "hat": [], "7": "T-shirt/top" }';
  const mapping = parseClassMapping(text, "classes.json");
  assertEquals(resolveClass("shoes", LABELS, mapping), [1, 2]);
  assertEquals(resolveClass("hat", LABELS, mapping), []);
  assertEquals(resolveClass("7", LABELS, mapping), [0]);
});

Deno.test("classes: an unknown class or label, and a mapping of another form, are refused by name", () => {
  const refusal = (run: () => unknown) => assertThrows(run, ModelError).message;
  assertStringIncludes(refusal(() => resolveClass("ankel boot", LABELS, new Map())), "Ankle boot");
  const mapping = parseClassMapping('{ "shoes": "Boat" }', "classes.json");
  assertStringIncludes(refusal(() => resolveClass("shoes", LABELS, mapping)), 'Unknown class "Boat"');
  assertStringIncludes(refusal(() => parseClassMapping('{ "hat": 3 }', "c.json")), '"hat" must be a label');
  assertStringIncludes(refusal(() => parseClassMapping("[]", "c.json")), "must be an object");
});
