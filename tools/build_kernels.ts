/**
 * Compiles `models/kernels/assembly/` to WebAssembly and writes it as text into `models/kernels/binary.ts`, so that it
 * travels with the modules whatever a server says of `.wasm` files: `deno task kernels`.
 *
 * @module
 */
import { main } from "npm:assemblyscript@0.28.20/asc";

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
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(["index.ts", "--outFile=kernels.wasm", ...FLAGS], {
    readFile: (name) => readIfThere(new URL(name, SOURCE)),
    writeFile: (_, content) => void (binary = content as Uint8Array),
    listFiles: () => null,
  });
  if (error || binary === undefined) {
    throw new Error(`The kernels can't be compiled: ${stderr}`, { cause: error });
  }
  return `/** Made from assembly/ by \`deno task kernels\`. */\nexport const BINARY =\n  "${binary.toBase64()}";\n`;
}

async function readIfThere(file: URL): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch {
    return null;
  }
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await compileKernels());
