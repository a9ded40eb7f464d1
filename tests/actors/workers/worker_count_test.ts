import { defaultWorkers, parseWorkersPerModel, workerRanges } from "../../../actors/workers/worker_count.ts";
import { assertEquals } from "../../../testing/assert.ts";

Deno.test("workers per model: by default the models share all cores but one, with 1 to 8 Workers each", () => {
  const cases: [models: number, cores: number, workers: number][] = [
    [3, 1, 1],
    [3, 2, 1],
    [1, 2, 1],
    [1, 4, 3],
    [3, 8, 2],
    [3, 16, 5],
    [1, 64, 8],
  ];
  for (const [models, cores, workers] of cases) assertEquals(defaultWorkers(models, cores), workers);
});

Deno.test("workers per model: a given number is fixed; for other models, cores and load decide", () => {
  const range = (min: number, max: number) => ({ min, max });
  assertEquals([...workerRanges(["a", "b"], 3)], [["a", range(3, 3)], ["b", range(3, 3)]]);
  assertEquals([...workerRanges(["a", "b"], { b: 5 }, 8)], [["a", range(3, 7)], ["b", range(5, 5)]]);
  assertEquals([...workerRanges(["a"], undefined, 64)], [["a", range(8, 8)]]);
});

Deno.test("workers per model: the option is one number, or names with numbers; anything else is refused", () => {
  assertEquals(parseWorkersPerModel("64"), 64);
  assertEquals(parseWorkersPerModel("mnist=2, cifar-10=4"), { mnist: 2, "cifar-10": 4 });
  for (
    const wrong of ["0", "65", "1.5", "many", "mnist=", "=2", "mnist=2=3", "mnist=2,", "mnist=99", "2,3"]
  ) {
    assertEquals(parseWorkersPerModel(wrong), undefined, wrong);
  }
});
