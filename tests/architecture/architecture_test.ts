import { assert, assertEquals } from "../../testing/assert.ts";
import { forbiddenArrows, graphOf, importCycles, type Module, readModules } from "./import_graph.ts";

const ROOT = new URL("../../", import.meta.url);

const BUS = ["bus", "bus/transport", "bus/transport/kafka", "bus/transport/sqlite"];
const ACTORS = ["actors", "actors/pipeline", "actors/workers", "actors/sinks", "actors/metrics"];
const PRODUCT = ["lib", ...BUS, "models", "training", "convert", ...ACTORS];

/** Each room with the rooms it may import from. docs/architecture.md draws it. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "lib": [],
  "bus/transport/kafka": ["bus/transport", "lib"],
  "bus/transport/sqlite": ["bus/transport", "lib"],
  "bus/transport": ["bus/transport/sqlite", "bus/transport/kafka", "lib"],
  "bus": [...BUS, "lib"],
  "models": ["lib"],
  "training": ["models", "lib"],
  "convert": ["models", "lib"],
  "actors/workers": ["actors", "models", "lib"],
  "actors/sinks": ["actors", "bus", "bus/transport", "lib"],
  "actors/metrics": ["actors", "actors/workers", "actors/sinks", "bus", "bus/transport", "lib"],
  "actors/pipeline": ["actors", "actors/workers", "actors/sinks", "bus", "bus/transport", "lib"],
  "actors": [...ACTORS, ...BUS, "models", "lib"],
  "cli": PRODUCT,
  "cli.ts": ["cli", "lib"],
  "mod.ts": PRODUCT,
  "examples": ["mod.ts", "actors/sinks"],
  "testing": PRODUCT,
  "bench": [...PRODUCT, "cli", "testing"],
  "tools": [...PRODUCT, "cli", "testing"],
  "tests": [...PRODUCT, "cli", "mod.ts", "testing", "tools", "bench"],
};

const PLACES = [...new Set(Object.keys(ROOMS).map((room) => room.split("/")[0]!))];

const modules = await readModules(ROOT, PLACES);
const graph = graphOf(modules);

Deno.test("architecture: rooms import only from the rooms below them", () => {
  assert([...graph.values()].flat().length > 1_000, "too few imports were seen: is the pattern still right?");
  assertEquals(forbiddenArrows(graph, ROOMS), []);
});

Deno.test("architecture: no module imports itself through others, type-only imports included", () => {
  assertEquals(importCycles(graph), []);
});

Deno.test("architecture: packages are named inline with exact versions, and none needs JSR", () => {
  const loose = modules.filter(({ path }) => PRODUCT.includes(path.split("/")[0]!)).flatMap((module) =>
    module.specifiers.filter((specifier) => !isExact(specifier)).map((one) => `${module.path}: ${one}`)
  );
  assertEquals(loose, []);
});

function isExact(specifier: string): boolean {
  return /^(\.|node:|data:|https?:)/.test(specifier) ||
    /^npm:(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(\/|$)/.test(specifier);
}

Deno.test("architecture: the checks report each kind of break", () => {
  const module = (path: string, ...specifiers: string[]): Module => ({ path, specifiers });
  const broken = graphOf([
    module("lib/sleep.ts", "../bus/bus.ts"),
    module("bus/bus.ts", "./transport/memory.ts"),
    module("bus/transport/memory.ts", "../../models/manifest.ts"),
    module("models/manifest.ts"),
    module("attic/old.ts"),
    module("cli/a.ts", "./b.ts"),
    module("cli/b.ts", "./c.ts"),
    module("cli/c.ts", "./a.ts", "npm:left-pad"),
  ]);
  assertEquals(forbiddenArrows(broken, ROOMS), [
    "lib/sleep.ts imports bus/bus.ts: lib may not import from bus",
    "bus/transport/memory.ts imports models/manifest.ts: bus/transport may not import from models",
    "attic/old.ts is in no room",
  ]);
  assertEquals(importCycles(broken), ["cli/a.ts → cli/b.ts → cli/c.ts"]);
  assertEquals(["npm:left-pad", "npm:left-pad@^1.3.0", "jsr:@std/cli@1.0.0"].filter(isExact), []);
});
