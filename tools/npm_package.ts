/**
 * `deno task npm`: writes the npm package, with which `npx imagebus` works where there is Node.js and no Deno.
 *
 * It has the files of `publish.include` in deno.json, a package.json, and a command that runs cli.ts on the Deno that npm
 * installs as a dependency.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import { type Arguments, defineCommand, NO_OPERANDS } from "../cli/command.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import type { OptionTable } from "../lib/options.ts";
import { type Package, publishedFiles, readPackage, readProjectFile, writeFile } from "./published_files.ts";

/** The version that the gate runs on. */
const DENO_VERSION = "2.9.6";

const OPTIONS = {
  out: { type: "text", value: "DIR", default: "dist/npm", text: "directory of the package; it is replaced" },
} as const satisfies OptionTable;

const npm = defineCommand({
  program: "deno task",
  name: "npm",
  summary: "Write the npm package: imagebus for machines with Node.js and no Deno",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["deno task npm && npm publish dist/npm", "publish it"],
    ["deno task npm && npm install --global ./dist/npm", "install it here"],
  ],
  permissions: [],
  run,
});

async function run({ values: { out } }: Arguments<typeof OPTIONS>): Promise<number> {
  const config = await readPackage();
  await Deno.remove(out, { recursive: true }).catch(() => {});
  const hash = createHash("sha256");
  for await (const path of publishedFiles(config)) {
    const bytes = await readProjectFile(path);
    hash.update(path).update(bytes);
    await writeFile(`${out}/sources/${path}`, bytes);
  }
  const build = hash.digest("hex").slice(0, 12);
  await writeFile(`${out}/package.json`, new TextEncoder().encode(manifest(config, build)));
  for (const name of ["README.md", "LICENSE", "deploy/npm/imagebus.mjs"]) {
    await writeFile(`${out}/${basename(name)}`, await readProjectFile(name));
  }
  print(`${out}: imagebus ${config.version}, build ${build}`);
  return 0;
}

/** The text of package.json; `build` distinguishes builds of one version. */
function manifest({ version, license }: Package, build: string): string {
  const fields = {
    name: "imagebus",
    version,
    build,
    description: "Send images to a bus; isolated models classify them; results go back and into a database",
    license,
    type: "module",
    bin: { imagebus: "imagebus.mjs" },
    engines: { node: ">=18" },
    dependencies: { deno: DENO_VERSION },
  };
  return JSON.stringify(fields, null, 2) + "\n";
}

await runTask(npm);
