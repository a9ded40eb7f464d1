import { compileAssembly, compileC, hashOfC, pythonWithZig } from "../../tools/build_kernels.ts";
import { PLAIN, RELAXED, SOURCES } from "../../models/kernels/inference_binary.ts";
import { assertEquals } from "../../testing/assert.ts";

const KERNELS = new URL("../../models/kernels/", import.meta.url);

Deno.test("kernels: the committed binary of training is what the sources compile to", async () => {
  assertEquals(await Deno.readTextFile(new URL("binary.ts", KERNELS)), await compileAssembly());
});

Deno.test("kernels: the committed binaries of inference belong to the sources", async () => {
  assertEquals(SOURCES, await hashOfC());
});

const environment = await pythonWithZig();

Deno.test({
  name: `kernels: the committed binaries of inference are what the sources compile to${
    "missing" in environment ? ` (skipped: ${environment.missing})` : ""
  }`,
  ignore: "missing" in environment,
  async fn() {
    const { python } = environment as { python: string };
    assertEquals(await Deno.readTextFile(new URL("inference_binary.ts", KERNELS)), await compileC(python));
  },
});

Deno.test("kernels: those of inference need nothing but memory", () => {
  for (const binary of [RELAXED, PLAIN]) {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(Uint8Array.fromBase64(binary)));
    assertEquals(imports.map(({ name, kind }) => [name, kind]), [["memory", "memory"]]);
  }
});
