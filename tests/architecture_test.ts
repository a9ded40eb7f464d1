import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);

/** What each room may import from, besides itself and packages. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bus: [],
  models: [],
  actors: ["bus", "models"],
  cli: ["actors", "bus", "models"],
};

async function* modules(dir: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(dir)) {
    if (entry.isDirectory) yield* modules(new URL(`${entry.name}/`, dir));
    else if (/\.[jt]s$/.test(entry.name)) yield new URL(entry.name, dir);
  }
}

async function imports(module: URL): Promise<string[]> {
  const text = await Deno.readTextFile(module);
  return [...text.matchAll(/(?:from |import |import\(|new URL\((?=[^)]*\.ts"))"([^"]+)"/g)].map((
    [, specifier],
  ) => specifier!);
}

function room(module: URL): string {
  return module.href.slice(ROOT.href.length).split("/")[0]!;
}

Deno.test("architecture: no room imports from a room it does not know", async () => {
  const forbidden: string[] = [];
  let seen = 0;
  for (const [name, allowed] of Object.entries(MAY_IMPORT)) {
    for await (const module of modules(new URL(`${name}/`, ROOT))) {
      for (const specifier of await imports(module)) {
        if (!specifier.startsWith(".")) continue;
        seen++;
        const target = room(new URL(specifier, module));
        if (target !== name && !allowed.includes(target)) {
          forbidden.push(`${module.pathname} imports ${specifier}`);
        }
      }
    }
  }
  assertEquals(forbidden, []);
  assert(seen > 50, `only ${seen} imports were seen: is the pattern still right?`);
});

Deno.test("architecture: what mod.ts reaches names its packages inline, with exact versions, and needs no JSR", async () => {
  const loose: string[] = [];
  for (const name of ["bus", "models", "actors"]) {
    for await (const module of modules(new URL(`${name}/`, ROOT))) {
      for (const specifier of await imports(module)) {
        const isExact = /^npm:(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(\/|$)/.test(specifier);
        if (!/^(\.|node:|data:|https?:)/.test(specifier) && !isExact) {
          loose.push(`${module.pathname}: ${specifier}`);
        }
      }
    }
  }
  assertEquals(loose, []);
});
