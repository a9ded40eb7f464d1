/**
 * `deno task kernels`: compiles the kernels to WebAssembly and writes them as text into modules: a module is loaded from
 * everywhere, while some servers send `.wasm` files with a type that Deno refuses.
 *
 * `models/kernels/assembly/` (AssemblyScript) has the kernels of training, `models/kernels/c/` those of inference.
 *
 * @module
 */
import { runTask } from "../cli/task.ts";
import { type PythonEnvironment, pythonEnvironment } from "../testing/python_environment.ts";

const KERNELS = new URL("../models/kernels/", import.meta.url);
const ASSEMBLY = new URL("assembly/", KERNELS);
const C = new URL("c/", KERNELS);

/** No allocation and no data of its own: the memory is the one that TensorFlow.js allocates from. */
const ASSEMBLY_FLAGS = [
  "-O3",
  "--runtime=stub",
  "--importMemory",
  "--noExportMemory",
  "--enable=simd",
  "--enable=relaxed-simd",
];

/** The C compiler, from PyPI: another version makes other bytes. */
const ZIG = "ziglang==0.17.1";

/** Likewise: a function that would need a stack frame is an error. */
const C_FLAGS = [
  "-target",
  "wasm32-freestanding",
  "-O3",
  "-Wall",
  "-Wframe-larger-than=0",
  "-Werror",
  "-nostdlib",
  "-Wl,--no-entry,--import-memory,--strip-all",
];

const FEATURES = "generic+simd128+bulk_memory";

/**
 * Compiles the kernels of training.
 *
 * @returns The text of `models/kernels/binary.ts`.
 * @throws {Error} With the compiler's messages.
 */
export async function compileAssembly(): Promise<string> {
  // Loaded only here: it is 20 MB that `--help` does not need.
  const { main } = await import("npm:assemblyscript@0.28.20/asc");
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(["index.ts", "--outFile=kernels.wasm", ...ASSEMBLY_FLAGS], {
    readFile: (name) => Deno.readTextFile(new URL(name, ASSEMBLY)).catch(() => null),
    writeFile: (_, content) => void (binary = content as Uint8Array),
    listFiles: () => null,
  });
  if (error || binary === undefined) {
    throw new Error(`Cannot compile the kernels: ${stderr}`, { cause: error });
  }
  return `/** Made from assembly/ by \`deno task kernels\`. */\nexport const BINARY =\n  "${binary.toBase64()}";\n`;
}

/**
 * Compiles the kernels of inference, with and without relaxed SIMD.
 *
 * @param python From {@linkcode pythonWithZig}.
 * @returns The text of `models/kernels/inference_binary.ts`.
 * @throws {Error} With the compiler's messages.
 */
export async function compileC(python: string): Promise<string> {
  const [relaxed, plain] = [await zig(python, `${FEATURES}+relaxed_simd`), await zig(python, FEATURES)];
  return [
    "/** Made from c/ by `deno task kernels`. */",
    `export const SOURCES = "${await hashOfC()}";`,
    "",
    "/** With fused multiply-add, of the proposal for relaxed SIMD. */",
    `export const RELAXED =\n  "${relaxed.toBase64()}";`,
    "",
    "/** For machines without it. */",
    `export const PLAIN =\n  "${plain.toBase64()}";\n`,
  ].join("\n");
}

/**
 * What the kernels of inference depend on, for machines that do not have the compiler.
 *
 * @returns SHA-256 of the sources, the compiler's version and its flags.
 */
export async function hashOfC(): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(C))).map(({ name }) => name).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(new URL(name, C))));
  const all = JSON.stringify([ZIG, C_FLAGS, FEATURES, names, texts]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(all))).toHex();
}

/** The Python that has the C compiler; it is installed into the user's cache where it is missing. */
export function pythonWithZig(): Promise<PythonEnvironment> {
  return pythonEnvironment([ZIG]);
}

async function zig(python: string, cpu: string): Promise<Uint8Array> {
  const sources = (await Array.fromAsync(Deno.readDir(C))).map(({ name }) => name).filter((name) =>
    name.endsWith(".c")
  );
  const out = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    const { success, stderr } = await new Deno.Command(python, {
      args: ["-m", "ziglang", "cc", ...C_FLAGS, `-mcpu=${cpu}`, ...sources.sort(), "-o", out],
      cwd: C,
    }).output();
    if (!success) throw new Error(`Cannot compile the kernels: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(out);
  } finally {
    await Deno.remove(out);
  }
}

if (import.meta.main) {
  await runTask({
    name: "kernels",
    summary: "Compile models/kernels/assembly and models/kernels/c into modules of models/kernels",
    options: {},
    examples: [["deno task kernels", "after a change of the kernels' sources"]],
    async run() {
      const environment = await pythonWithZig();
      if ("missing" in environment) {
        throw new Error(`Cannot compile models/kernels/c: ${environment.missing}`);
      }
      await Deno.writeTextFile(new URL("binary.ts", KERNELS), await compileAssembly());
      await Deno.writeTextFile(new URL("inference_binary.ts", KERNELS), await compileC(environment.python));
      return 0;
    },
  });
}
