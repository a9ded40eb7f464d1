import { ModelError } from "../../models/errors.ts";
import { alignLabels } from "../../training/evaluation/align_labels.ts";
import type { DataSet } from "../../training/datasets/data_set.ts";
import { assertEquals, assertThrows } from "../../testing/assert.ts";

const MODEL = { name: "pets", labels: ["Cat", "Dog", "Guinea pig"] };

function dataOf(classes: readonly string[]): DataSet {
  const form = { width: 1, height: 1, channels: 1, count: 3, pixels: new Uint8Array(3) } as const;
  return { ...form, title: "photos test", labels: Uint8Array.of(0, 1, 0), classes };
}

Deno.test("align: classes are compared by name, whatever their order and number", () => {
  const { labels, classes } = alignLabels(dataOf(["Guinea pig", "Cat"]), MODEL);
  assertEquals([...labels], [2, 0, 2]);
  assertEquals(classes, MODEL.labels);
  assertEquals([...alignLabels(dataOf(["guinea-pig", "dog"]), MODEL).labels], [2, 1, 2]);
});

Deno.test("align: a class that the model does not have is refused, not compared by its place", () => {
  assertThrows(
    () => alignLabels(dataOf(["circle", "square"]), MODEL),
    ModelError,
    'Cannot measure pets on photos test: the model has no class "circle", but Cat, Dog, Guinea pig',
  );
});
