/**
 * `deno task container`: writes the directory from which `buildah bud` or `docker build` makes the container image.
 *
 * The image starts from nothing and has Deno, the libraries it is linked with, the certificates of this
 * machine, the files of `publish.include` in deno.json, and the packages that these import.
 *
 * @module
 */
import { type Arguments, defineCommand, NO_OPERANDS } from "../cli/command.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { ifFound } from "../lib/if_found.ts";
import type { OptionTable } from "../lib/options.ts";
import { publishedFiles, readPackage, readProjectFile, writeFile } from "./published_files.ts";

/** Modules that are loaded by name at run time, and so are not found through the imports of cli.ts. */
const ENTRIES = [
  "cli.ts",
  "mod.ts",
  "actors/workers/model_worker.ts",
  "training/fitting/training_worker.ts",
];

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** The user without rights that images conventionally have. */
const USERS = "root:x:0:0::/:\nnonroot:x:65532:65532::/var/lib/imagebus:\n";
const USER = 65532;

/**
 * Files of packages that nothing loads at run time: types, maps, sources, tests, encoders, and variants for browsers.
 */
const UNUSED = new RegExp(
  [
    /\.(map|md|html|d\.[cm]?ts)$/,
    /\/src\/.*\.ts$/,
    /\/(iife|miniprogram|enc)\//,
    /[._](min|es2017|fesm|test)\.js$/,
    /\/tf(-[a-z]+)*\.js$/,
    /\/h5wasm\/[^/]+\/dist\/node\//,
    /\/libheif-js\/[^/]+\/libheif\//,
  ].map(({ source }) => source).join("|"),
);

const OPTIONS = {
  out: {
    type: "text",
    value: "DIR",
    default: "dist/container",
    text: "directory of the image's files; it is replaced",
  },
} as const satisfies OptionTable;

const container = defineCommand({
  program: "deno task",
  name: "container",
  summary: "Write what a container image is built from: Deno, imagebus and its packages, on an empty base",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [["deno task container && buildah bud --tag imagebus dist/container", "build it"]],
  permissions: [],
  run,
});

async function run({ values: { out } }: Arguments<typeof OPTIONS>): Promise<number> {
  const root = `${out}/rootfs`;
  await ifFound(Deno.remove(out, { recursive: true }));
  await writeFile(`${out}/Containerfile`, await readProjectFile("deploy/container/Containerfile"));
  await copyDeno(root);
  await copySystemFiles(root);
  for await (const path of publishedFiles(await readPackage())) {
    await writeFile(`${root}/imagebus/${path}`, await readProjectFile(path));
  }
  await cachePackages(root);
  await removeUnused(`${root}/deno/npm`);
  await Deno.remove(`${root}/deno/gen`, { recursive: true }); // compiled for the paths of this machine
  print(`${out}: ${Math.round(await bytesOf(root) / 1e6)} MB`);
  return 0;
}

/** Deno and the shared libraries that it is linked with. */
async function copyDeno(root: string): Promise<void> {
  const deno = Deno.execPath();
  const libraries = (await output("ldd", [deno])).matchAll(/(\/\S+) \(0x/g);
  for (const [, path] of libraries) await writeFile(`${root}${path}`, await Deno.readFile(path!));
  await writeFile(`${root}/usr/bin/deno`, await Deno.readFile(deno));
  for (const path of await filesBelow(root)) await Deno.chmod(path, 0o755);
}

async function copySystemFiles(root: string): Promise<void> {
  const certificates = await ifFound(Deno.readFile(CERTIFICATES));
  if (certificates) await writeFile(`${root}${CERTIFICATES}`, certificates);
  await writeFile(`${root}/etc/passwd`, new TextEncoder().encode(USERS));
  for (const path of ["tmp", "var/lib/imagebus"]) await Deno.mkdir(`${root}/${path}`, { recursive: true });
  await Deno.chmod(`${root}/tmp`, 0o1777);
  await Deno.chown(`${root}/var/lib/imagebus`, USER, USER);
}

/**
 * Writes a lock of the packages that run, those of training included, since development.lock names those of tests and tools too.
 *
 * @throws If a package is not one of development.lock.
 */
async function cachePackages(root: string): Promise<void> {
  await output(Deno.execPath(), ["cache", "--quiet", "--lock=deno.lock", "--frozen=false", ...ENTRIES], {
    cwd: `${root}/imagebus`,
    env: { DENO_DIR: await Deno.realPath(root) + "/deno" },
  });
  const [tested, used] = await Promise.all(
    ["development.lock", `${root}/imagebus/deno.lock`].map(async (path) =>
      JSON.parse(await Deno.readTextFile(path))
    ),
  );
  for (const [name, { integrity }] of Object.entries<{ integrity: string }>(used.npm)) {
    if (tested.npm[name]?.integrity !== integrity) {
      throw new Error(`${name} is not the package in development.lock`);
    }
  }
}

async function removeUnused(directory: string): Promise<void> {
  for (const path of await filesBelow(directory)) if (UNUSED.test(path)) await Deno.remove(path);
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  const paths = entries.map(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    return isDirectory ? filesBelow(path) : [path];
  });
  return (await Promise.all(paths)).flat();
}

async function bytesOf(directory: string): Promise<number> {
  const sizes = (await filesBelow(directory)).map(async (path) => (await Deno.lstat(path)).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function output(program: string, args: string[], options: Deno.CommandOptions = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args[0]} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

await runTask(container);
