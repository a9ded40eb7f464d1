import { dirname } from "node:path/posix";

const ROOT = new URL("../", import.meta.url);

/** The fields of deno.json that packages are made of. */
export interface Package {
  readonly version: string;
  readonly license: string;
  readonly publish: { readonly include: readonly string[]; readonly exclude: readonly string[] };
}

/** Reads deno.json. */
export async function readPackage(): Promise<Package> {
  return JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
}

/** Paths of the files that users need, relative to the repository. */
export async function* publishedFiles({ publish }: Package): AsyncGenerator<string> {
  for (const path of publish.include) yield* filesIn(path, publish.exclude);
}

async function* filesIn(path: string, exclude: readonly string[]): AsyncGenerator<string> {
  if (exclude.includes(path)) return;
  const { isFile } = await Deno.stat(new URL(path, ROOT));
  if (isFile) return yield path;
  for await (const { name } of Deno.readDir(new URL(`${path}/`, ROOT))) {
    yield* filesIn(`${path}/${name}`, exclude);
  }
}

/** A file of the repository. */
export function readProjectFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(path, ROOT));
}

/** Writes a file, and makes its directories. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}
