/**
 * `deno task kernels`: compiles `models/kernels/assembly/` to WebAssembly and writes it as text into
 * `models/kernels/binary.ts`: a module is loaded from everywhere, while some servers send `.wasm` files with
 * a type that Deno refuses.
 *
 * @module
 */
import { runTask } from "../cli/task.ts";

const SOURCE = new URL("../models/kernels/assembly/", import.meta.url);
const TARGET = new URL("../models/kernels/binary.ts", import.meta.url);

/** No allocation and no data of its own: the memory is the one that TensorFlow.js allocates from. */
const FLAGS = [
  "-O3",
  "--runtime=stub",
  "--importMemory",
  "--noExportMemory",
  "--enable=simd",
  "--enable=relaxed-simd",
];

/**
 * Compiles the kernels.
 *
 * @returns The text of `models/kernels/binary.ts`.
 * @throws {Error} With the compiler's messages.
 */
export async function compileKernels(): Promise<string> {
  // Loaded only here: it is 20 MB that `--help` does not need.
  const { main } = await import("npm:assemblyscript@0.28.20/asc");
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(["index.ts", "--outFile=kernels.wasm", ...FLAGS], {
    readFile: (name) => Deno.readTextFile(new URL(name, SOURCE)).catch(() => null),
    writeFile: (_, content) => void (binary = content as Uint8Array),
    listFiles: () => null,
  });
  if (error || binary === undefined) {
    throw new Error(`Cannot compile the kernels: ${stderr}`, { cause: error });
  }
  return `/** Made from assembly/ by \`deno task kernels\`. */\nexport const BINARY =\n  "${binary.toBase64()}";\n`;
}

if (import.meta.main) {
  await runTask({
    name: "kernels",
    summary: "Compile models/kernels/assembly into models/kernels/binary.ts",
    options: {},
    examples: [["deno task kernels", "after a change of the kernels' sources"]],
    async run() {
      await Deno.writeTextFile(TARGET, await compileKernels());
      return 0;
    },
  });
}
